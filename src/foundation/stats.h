/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

/* Counters of one service and of each of its endpoints. They belong to the process, not to a generation. */
typedef struct Stats Stats;
typedef struct EndpointStats EndpointStats;

int stats_new(Stats **ret);
Stats *stats_free(Stats *stats);
TL_DEFINE_CLEANUP(Stats *, stats_free)

/* The counters of an endpoint, made at the first call. path is a route's pattern. Owned by stats. */
int stats_endpoint(Stats *stats, const char *method, const char *path, EndpointStats **ret);

/* Counts one finished request; endpoint is NULL when no route took it. status below 400 is a success. */
void stats_count(Stats *stats, EndpointStats *endpoint, unsigned status, uint64_t usec);

uint64_t stats_requests(const Stats *stats);
uint64_t stats_errors(const Stats *stats);

/* {requests, successfulRequests, errors, avgLatency, errorsByCode}: latencies in ms. NULL without memory. */
json_object *stats_to_json(const Stats *stats);

/* [{endpoint, requests, avgLatency, p50, p99, errorRate}] of the busiest `limit` endpoints, busiest first.
 * Quantiles come from a histogram (shared/histogram.h) and are exact to 6.25 %. NULL without memory. */
json_object *stats_top_endpoints(const Stats *stats, size_t limit);
