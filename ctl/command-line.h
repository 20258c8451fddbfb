/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"
#include "output.h"
#include "verbs.h"

/* Reads the command line of toolooctl, and of the programs that it becomes for some verbs, by the table of verbs.h. */

/* What a program does for a verb of its own. */
typedef struct VerbRun {
        const char *name;
        int (*run)(Ctl *ctl);
} VerbRun;

/* The whole of main(): checks what was given, runs the verb and returns the exit status. program is what the table calls
 * this one, NULL for toolooctl itself; runs must have each of its verbs. */
int command_line_run(Ctl *ctl, const char *program, const VerbRun *runs, size_t n_runs, int argc, char **argv);

/* One line on stderr that ends in "see 'toolooctl VERB --help'"; CTL_USAGE. */
#define verb_usage(ctl, ...) ctl_usage((ctl)->help, __VA_ARGS__)

/* A point in time that an option gives, realtime usec; *ret is left alone without it. CTL_OK, or CTL_USAGE with a line. */
int verb_time(const Ctl *ctl, int option, uint64_t *ret);
