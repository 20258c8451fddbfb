/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A circuit breaker: after some failures in a row nobody is let through for a while, so that clients of a service that
 * is broken learn so at once and the service is left alone. After that time one request is let through as a probe: its
 * success closes the breaker, its failure opens it again for twice as long. Times are monotonic microseconds. */

#define BREAKER_FAILURES 5
#define BREAKER_OPEN_FIRST (UINT64_C(1) * 1000 * 1000)
#define BREAKER_OPEN_MAX (UINT64_C(30) * 1000 * 1000)

typedef struct Breaker {
        unsigned failures;   /* in a row */
        uint64_t open_for;   /* 0: closed */
        uint64_t open_until;
        bool probing;        /* one has been let through, and has not come back */
} Breaker;

typedef enum BreakerState {
        BREAKER_CLOSED,
        BREAKER_OPEN,
        BREAKER_HALF_OPEN,
} BreakerState;

typedef enum BreakerVerdict {
        BREAKER_LET,
        BREAKER_PROBE, /* let through as the probe: one of the three outcomes below has to be told */
        BREAKER_REFUSE,
} BreakerVerdict;

/* *ret_wait, with BREAKER_REFUSE: for how long. */
BreakerVerdict breaker_ask(Breaker *b, uint64_t now, uint64_t *ret_wait);

/* The outcomes. probe: it was let through as one. */
void breaker_success(Breaker *b, bool probe);
void breaker_failure(Breaker *b, bool probe, uint64_t now);
/* Neither: the client went away before it was known. */
void breaker_forget(Breaker *b, bool probe);

/* There is reason to hope: an open breaker lets the next one through as a probe. */
void breaker_half_open(Breaker *b);

BreakerState breaker_state(const Breaker *b, uint64_t now);
const char *breaker_state_to_string(BreakerState state);
