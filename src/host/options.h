/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/server.h"

/* The command line of tooloo-service. */
typedef struct Options {
        const char *id;      /* of argv */
        const char *modules; /* directory of ID.so */
        const char *check;   /* --check: the file to try, else NULL */
        bool stopped;        /* --stopped */
        uint64_t trial, prove; /* usec */
        ServerTimeouts timeouts;
} Options;

Options options_default(void);

/* 1 to go on, 0 when all is done (--help, --version), negative errno after an error that has been said. The
 * strings are those of argv. */
int options_parse(Options *o, int argc, char *argv[]);
