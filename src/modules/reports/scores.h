/* SPDX-License-Identifier: MIT */
#pragma once

/* Scores from 0 to 100, as the original documents them: latency = max(0, 100 - ms / 10) of the average, success = 100 x
 * the success rate, cost = max(0, 100 - 10 x USD per 1,000 tokens), overall = 40 % + 40 % + 20 % of them. Where no price
 * is known there is no cost score, and overall is (40 % + 40 %) / 80 % of the other two. Where no call succeeded latency
 * counts 0. */

#include "tally.h"

typedef struct Standing {
        const char *provider;
        const Figures *figures;
        double latency, success, cost, overall; /* cost NAN: no price is known; all NAN without a judged call */
        unsigned rank;                          /* 0: too few calls for one */
} Standing;

/* Those with a rank first, best first; then the others, the one with most calls first. *ret is as long as sum; the
 * caller frees it, sum outlives it. NULL for an empty sum. */
int standings_new(const Sum *sum, Standing **ret);

/* {rank, name, status, scores:{latency, success, cost, overall}, metrics:{...}, note?} */
json_object *standing_to_json(const Standing *s);
/* The first `limit` of them. */
json_object *standings_to_json(const Standing *standings, size_t n, size_t limit);
/* What the scores are made of, in words. */
void put_formula(json_object *json);
