/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "sampling.h"

/* Which of several is asked. For each one a chance of success is drawn from what it did of late, Beta(1 + successes,
 * 1 + failures) with old outcomes forgotten (Thompson sampling): who does well is asked most, and who did badly is tried again
 * now and then. The draw is weighed with how fast it is beside the fastest and how cheap beside the cheapest:
 *
 *         score = draw x (1 + s x fastest / latency + p x cheapest / cost) / (1 + s + p) */

#define CHOOSE_SPEED 0.25
#define CHOOSE_PRICE 0.25
#define CHOOSE_PRICE_FREE 2.0 /* preferFree */

typedef struct Candidate {
        double good, bad; /* outcomes that are not forgotten */
        double latency;   /* usec, 0: not known; it counts as the fastest, so that it gets known */
        bool priced;      /* one without a price counts as the dearest */
        int64_t cost;     /* nano-USD, an upper bound */
        /* Results. */
        double draw, score, speed, price;
} Candidate;

/* The index of the best; n is at least 1. price_weight: CHOOSE_PRICE, or what the caller prefers. */
size_t choose(Candidate *candidates, size_t n, double price_weight, Random *random);

/* Why: an array of sentences. NULL without memory. */
json_object *choose_reasons(const Candidate *c, size_t n, double price_weight);
