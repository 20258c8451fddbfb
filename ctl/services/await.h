/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/ctl.h"

/* Waiting until a service that was just started is well. */

typedef enum AwaitResult {
        AWAIT_HEALTHY,
        AWAIT_FAILED,  /* its program ended: no need to wait any longer */
        AWAIT_TIMEOUT, /* it runs, and does not answer as it should */
} AwaitResult;

typedef struct Await {
        const char *id;
        const char *unit;
        unsigned port;      /* 0: there is nobody to ask, so that it goes on running is all there is to see */
        const char *health; /* NULL: /health and / are both tried, and the one that answers well is it */
        uint64_t timeout;   /* usec */
        uint64_t since;     /* realtime usec of the start, for its lines in the journal */
} Await;

/* Asks its port again and again, and follows its unit meanwhile. *ret is how that ended; *ret_path the path that answered
 * well (a constant or health), *ret_problem what was wrong, for a sentence: "its process exited with status 1", "GET /health
 * answers 404". Negative errno when waiting itself was not possible. */
int await_healthy(Ctl *ctl, const Await *what, AwaitResult *ret, const char **ret_path, char **ret_problem);

/* Prints what it logged and what systemd said about it since its start, the last ten lines at most. */
void await_print_journal(const Ctl *ctl, const Await *what);
