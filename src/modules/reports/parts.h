/* SPDX-License-Identifier: MIT */
#pragma once

/* What several reports have in common. */

#include "build.h"
#include "question.h"
#include "statistics.h"

/* The calls of a time; without a ledger there are none. *ret is the caller's to end in any case. */
int sum_calls(const Question *q, const Window *w, bool by_model, Sum *ret);

/* {from, to}: whole hours of UTC. */
json_object *window_to_json(const Window *w);
/* How the figures are made, in words, and how exact percentiles are. */
void put_method(json_object *json);
/* Why there is nothing, when there is nothing. */
void put_hint(json_object *json, const Question *q, const Sum *sum);

json_object *requests_to_json(const RequestCounts *c);

/* The fields of figures_to_json() that say how a time was, few enough for a list of many: {requestsProcessed, successRate,
 * avgLatency, p50, p95, costPer1kTokens, totalCost, tokensProcessed} */
void put_brief(json_object *json, const Figures *f);

/* {test, z, p, ...}; NULL when there is no result. */
json_object *proportions_to_json(const TestResult *t);
json_object *mann_whitney_to_json(const TestResult *t);

/* Both have enough calls for a test. */
bool can_test_success(const Figures *a, const Figures *b);
bool can_test_latency(const Figures *a, const Figures *b);
bool can_test_cost(const Figures *a, const Figures *b);

/* The three tests of two samples: did is false for what could not be tested. */
typedef struct Tests {
        struct {
                bool did;
                TestResult result;
        } success, latency, cost;
} Tests;

void test_all(const Figures *a, const Figures *b, Tests *ret);
/* {success, latency, cost}: null for what could not be tested. */
json_object *tests_to_json(const Tests *t);
unsigned tests_count(const Tests *t);

/* The share of errors that a test may make, before it is shared among tests. */
#define ALPHA 0.05
