/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

/* One run of the build command, in a process group of its own. What it prints goes to the journal line by line. */

/* For whoever put right what kept a build from working: nothing changed in the sources, so no build begins by itself. */
#define BUILD_AGAIN "systemctl --user reload tooloo-watchd"

typedef struct Build Build;

/* Called once, when the command has ended. problem is NULL on success, else one line; it is valid during the call
 * alone. The callback may free the build. */
typedef void (*BuildDone)(void *userdata, const char *problem);

/* source is the current directory's absolute path, to shorten file names with; argv is used during the call alone,
 * source as long as the build is. SIGCHLD must be blocked. -ENOENT when there is no such program. The caller
 * frees. */
int build_start(sd_event *event, char *const argv[], const char *source, BuildDone done, void *userdata, Build **ret);

/* Sends a signal to the command and to all that it started. */
void build_kill(Build *b, int signal_number);

/* Kills what still runs. */
void build_free(Build *b);
TL_DEFINE_CLEANUP(Build *, build_free);
