/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

/* A run of "toolooctl VERB ID", which the event loop goes on beside. */
typedef struct Action Action;

/* status: its exit status, or -1 when a signal ended it. last: the last line that it said, "" for none. May free the action. */
typedef void (*action_done_t)(int status, const char *last, void *userdata);

/* With the terminal it has that as its own, and what it says is not gathered. */
int action_start(sd_event *event, const char *const *arguments, bool terminal, action_done_t done, void *userdata,
                 Action **ret);
/* One that runs goes on, and is waited for by nobody. */
Action *action_free(Action *action);
TL_DEFINE_CLEANUP(Action *, action_free)
