/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "shared/breaker.h"

/* How a model of a provider has been doing of late: what choices go by. Times are monotonic usec. */

#define HEALTH_HALF_LIFE (UINT64_C(600) * 1000 * 1000) /* an outcome counts half after that time */
#define HEALTH_LATENCY_WEIGHT 0.2                      /* of the newest in the moving average */
#define HEALTH_WORD_MAX 32

typedef struct Health {
        Breaker breaker;
        uint64_t cool_until;
        double good, bad; /* outcomes, as far as they are not forgotten at counted_at */
        uint64_t counted_at;
        double latency;   /* usec to the first content, moving average; 0 before there is one */
        char error[HEALTH_WORD_MAX]; /* of the last failure; empty for none */
        uint64_t failed_at;          /* realtime */
} Health;

/* probe: the breaker let it through as one. */
void health_success(Health *h, bool probe, uint64_t latency, uint64_t now);
/* counts: against the model. What says nothing of it (too many calls, a wrong key) only cools it down. */
void health_failure(Health *h, bool probe, bool counts, const char *error, uint64_t now, uint64_t realtime);
/* It answered, and what it said is no failure of its own. */
void health_alive(Health *h, bool probe);
void health_forget(Health *h, bool probe);
void health_cool(Health *h, uint64_t until);

/* What is not forgotten yet. */
void health_outcomes(const Health *h, uint64_t now, double *ret_good, double *ret_bad);
/* When it may be asked again: 0 for now; *ret_why "cooling down" or "circuit open". */
uint64_t health_wait(const Health *h, uint64_t now, const char **ret_why);

/* For the next generation of the module. NULL without memory. */
json_object *health_to_json(const Health *h);
/* What is not of that form is left out. */
void health_from_json(Health *h, json_object *json);
