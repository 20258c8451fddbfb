/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/unit-jobs.h"
#include "turn.h"

/* Starting a unit, and waiting until it serves. */

typedef enum ServeResult {
        SERVE_OK,
        SERVE_ENDED,       /* it did not start, or its program ended */
        SERVE_LATE,        /* it runs, and did not serve in time */
        SERVE_STOPPED,     /* somebody else stopped it */
        SERVE_INTERRUPTED, /* Ctrl-C, where that ends the wait */
} ServeResult;

typedef struct Serve {
        const char *unit;
        UnitVerb verb;
        unsigned port;
        const char *health; /* path */
        bool shared;        /* others accept at that port, too: an answer counts only from a process of this unit, and READY=1
                             * does as well as an answer */
        bool interruptible;
        bool quiet;
        const char *waiting; /* what for, shown where it takes long: "Waiting for ..." */
        uint64_t end; /* of the wait, monotonic usec */
} Serve;

/* *ret_problem is for a sentence ("its process exited with status 1", "GET /health answers 404"), NULL with SERVE_OK,
 * SERVE_STOPPED and SERVE_INTERRUPTED. Negative errno when waiting itself was not possible. */
int serve_run(Turn *turn, const Serve *what, ServeResult *ret, char **ret_problem);
