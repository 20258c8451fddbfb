/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "basic/macro.h"

/* Trying a module out in a process of its own: whatever it does there (crash, hang, fail), the service goes on.
 * The child is a fresh "tooloo-service --check", not a fork: a forked child that unregisters an event source takes
 * the parent's epoll registration with it. */
typedef struct Trial Trial;

/* result is 0 when the module may be loaded, else negative errno and reason is one line for people. */
typedef void (*TrialDone)(int result, const char *reason, void *userdata);

/* done is called once, from the event loop, unless the trial is freed before. */
int trial_start(sd_event *event, const char *path, const char *id, uint64_t timeout_usec, TrialDone done,
                void *userdata, Trial **ret);
/* Ends the child if it still runs. */
Trial *trial_free(Trial *trial);
TL_DEFINE_CLEANUP(Trial *, trial_free)

/* The child's side: loads, initialises and finishes the module; says on stdout how far it came. Returns an exit
 * status. */
int trial_main(const char *path, const char *id);
