/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* What the command line and, where that says nothing, the environment ask for. */
typedef struct Options {
        const char *source; /* the other paths are relative to it; NULL for none, with services alone */
        const char *build, *modules, *output;
        const char *command; /* for /bin/sh; NULL for ninja */
        char **watch, **ignore;
        bool services; /* also follow those that have Watch=, and build only for tooloo-dev.target */
        unsigned long quiet_ms, gather_ms, max_files;
} Options;

/* 1 to go on, 0 when the answer was printed (--help, --version), negative errno after one line on stderr. To be
 * given to options_done() in each case; the plain strings belong to argv and the environment. */
int options_parse(int argc, char *argv[], Options *options);
void options_done(Options *options);
