/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "services.h"
#include "unit-document.h"

/* The files in which a service's settings are changed: its own unit files, where they are this user's, and else drop-ins
 * beside them in this user's unit directory, which leave what a package has installed alone. */

#define EDIT_DROP_IN "30-edit.conf"

typedef struct OwnFile {
        char *path;
        char *before; /* its text; NULL while there is no such file */
        UnitDocument document;
} OwnFile;

typedef struct OwnFiles {
        const Service *service; /* the registry's */
        char *directory;        /* of this user's unit files */
        char *socket_unit;      /* the name that its socket has or would have */
        bool own;               /* the unit files themselves */
        OwnFile unit, socket;
} OwnFiles;

void own_files_done(OwnFiles *f);

/* Finds and reads them. CTL_OK, or CTL_FAILED after a line. */
int own_files_open(Ctl *ctl, const Service *service, OwnFiles *ret);

/* Gives a key its values, one line each. In a drop-in those of the file beneath it are taken off first. -ENOMEM. */
int own_file_set(const OwnFiles *f, OwnFile *file, const char *section, const char *key, char *const *values);

/* Whether what would be written differs from what is there. -ENOMEM. */
int own_file_changed(const OwnFile *file);

/* Writes what has changed; when one cannot be written the others are what they were. CTL_OK, or CTL_FAILED after a line. */
int own_files_write(OwnFiles *f);

/* Prints what would be written. */
int own_files_print(const OwnFiles *f);
