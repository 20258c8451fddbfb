/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"

/* What a Procfile or a compose file says, before anything of this machine is looked at. */

#define IMPORT_SIZE_MAX (256 * 1024)
#define IMPORT_SERVICES_MAX 100
#define IMPORT_DEPTH_MAX 16
/* Of a YAML file with all of its aliases followed: what a few lines can make of it has no end. */
#define IMPORT_VALUES_MAX 10000

typedef struct ImportedService {
        char *name;        /* as it stands there */
        unsigned line;
        char **command;    /* in words; NULL for none */
        char *shell;       /* a line for the shell, in place of command */
        char **env;        /* NAME=VALUE */
        char **env_files;  /* as they stand there */
        char **after;      /* names */
        char **write;      /* directories as they stand there */
        char *directory;   /* as it stands there; NULL for the file's own */
        char *health;
        unsigned port;     /* 0 for none */
        bool wants_port;   /* any that is free */
        bool refused;      /* cannot run here; a note says why */
} ImportedService;

/* What could not be carried over, and why. */
typedef struct ImportNote {
        char *name;    /* of the service, NULL for the file */
        unsigned line;
        char *text;
} ImportNote;

typedef struct Import {
        ImportedService *services;
        size_t n_services;
        ImportNote *notes;
        size_t n_notes;
} Import;

void import_done(Import *import);

/* The value of a variable that a compose file asks for; NULL when it is not set. */
typedef const char *(*import_variable_t)(const char *name, void *userdata);

/* Both: 0, or -EINVAL (the file is none, or over a limit) with *ret_line and *ret_problem, which the caller frees; -ENOMEM.
 * text ends in a NUL. */
int procfile_read(const char *text, Import *ret, unsigned *ret_line, char **ret_problem);
int compose_read(const char *text, size_t size, import_variable_t variable, void *userdata, Import *ret, unsigned *ret_line,
                 char **ret_problem);

/* --- For the readers --------------------------------------------------------------------------------------------- */

/* Adds a service with that name; NULL without memory. */
ImportedService *import_add(Import *import, const char *name, unsigned line);

/* Adds a note; -ENOMEM. */
int import_note(Import *import, const char *name, unsigned line, const char *format, ...) _printf_(4, 5);

/* Splits a line into words as a shell does, without its variables and patterns: quotes and backslashes. -EINVAL when a quote
 * is not closed or there are more than 256 words; -ENOMEM. */
int import_split(const char *line, char ***ret);
