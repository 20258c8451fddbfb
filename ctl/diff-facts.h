/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"
#include "shared/host-status.h"

/* What of a service that runs is not what lies on disk. */

typedef enum DifferenceKind {
        DIFFERENCE_MODULE,        /* another content than the running generation's */
        DIFFERENCE_PROGRAM,       /* the file that runs was replaced or removed */
        DIFFERENCE_DAEMON_RELOAD, /* systemd has not read the unit's files as they are */
        DIFFERENCE_UNIT_FILE,     /* was changed after the process began */
        DIFFERENCE_WATCHED,       /* a file under Watch=, likewise */
        _DIFFERENCE_MAX,
} DifferenceKind;

const char *difference_to_string(DifferenceKind kind);

typedef struct Difference {
        DifferenceKind kind;
        char *file;       /* NULL where it is none in particular */
        uint64_t changed; /* realtime usec, 0 for not known */
} Difference;

/* Names no more files than that of each kind; the rest is counted. */
#define DIFFERENCES_MAX 20
/* Looks at no more files under Watch= than that. */
#define WATCHED_FILES_MAX 100000

typedef struct FileFacts {
        bool known;
        uint64_t size;
        uint64_t changed; /* realtime usec */
} FileFacts;

typedef struct Diff {
        const Service *service;
        HostStatus host;  /* known for a module's service alone */
        FileFacts module; /* on disk */
        FileFacts loaded;
        uint64_t started; /* realtime usec at which its process began */
        uint32_t pid;
        bool need_daemon_reload;
        Difference *differences;
        size_t n;
        size_t n_watched; /* newer files under Watch=, those not named too */
        bool cut;         /* there were more files under Watch= than are looked at */
        char *trouble;    /* what could not be compared, one line; NULL for nothing */
} Diff;

/* Negative errno when systemd cannot be asked or memory is short. The caller frees with diff_done(), also after a failure. */
int diff_gather(sd_bus *bus, const Service *service, Diff *ret);
void diff_done(Diff *diff);
