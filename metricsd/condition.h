/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* What unit state and HTTP say together. Where the two disagree, that has a name of its own: each of the two alone would
 * mislead. */
typedef enum Condition {
        CONDITION_STOPPED,    /* or it has not run yet */
        CONDITION_STARTING,   /* or stops, or has started and has not answered yet */
        CONDITION_OK,
        CONDITION_DEGRADED,   /* answers, but wrongly or late */
        CONDITION_WEDGED,     /* its process runs, and two probes in a row got no answer */
        CONDITION_NO_READY,   /* answers, but systemd still waits for READY=1 */
        CONDITION_FAILED,
        CONDITION_PORT_TAKEN, /* failed, and somebody else listens on its port */
        _CONDITION_MAX,
} Condition;

/* "stopped", "starting", "ok", "degraded", "wedged", "no-ready", "failed", "port-taken" */
const char *condition_to_string(Condition condition);

struct Watched;

/* Judges anew, to be called after each change of w; true when condition or explanation are other ones than before. */
bool condition_update(struct Watched *w);
