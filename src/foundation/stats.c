/* SPDX-License-Identifier: MIT */
#include "foundation/stats.h"

#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "foundation/json-util.h"
#include "shared/histogram.h"

#define STATUS_MAX 600
#define ENDPOINTS_MAX 1024

#define LATENCY_BITS 3

struct EndpointStats {
        char *method;
        char *path;
        uint64_t requests;
        uint64_t errors;
        uint64_t usec_total;
        Histogram latency; /* usec */
};

struct Stats {
        EndpointStats **endpoints;
        size_t n_endpoints;
        uint64_t requests;
        uint64_t errors;
        uint64_t usec_total;
        uint32_t errors_by_status[STATUS_MAX - 400];
};

int stats_new(Stats **ret) {
        Stats *stats = calloc(1, sizeof(Stats));

        if (!stats)
                return -ENOMEM;
        *ret = stats;
        return 0;
}

static void endpoint_free(EndpointStats *endpoint) {
        free(endpoint->method);
        free(endpoint->path);
        histogram_done(&endpoint->latency);
        free(endpoint);
}
TL_DEFINE_CLEANUP(EndpointStats *, endpoint_free)

Stats *stats_free(Stats *stats) {
        if (!stats)
                return NULL;
        for (size_t i = 0; i < stats->n_endpoints; i++)
                endpoint_free(stats->endpoints[i]);
        free(stats->endpoints);
        free(stats);
        return NULL;
}

int stats_endpoint(Stats *stats, const char *method, const char *path, EndpointStats **ret) {
        _cleanup_(endpoint_freep) EndpointStats *endpoint = NULL;
        EndpointStats **grown;

        for (size_t i = 0; i < stats->n_endpoints; i++)
                if (streq(stats->endpoints[i]->path, path) && streq(stats->endpoints[i]->method, method)) {
                        *ret = stats->endpoints[i];
                        return 0;
                }
        if (stats->n_endpoints >= ENDPOINTS_MAX)
                return -E2BIG;
        endpoint = calloc(1, sizeof(EndpointStats));
        if (!endpoint)
                return -ENOMEM;
        endpoint->latency = HISTOGRAM_INIT(LATENCY_BITS);
        endpoint->method = strdup(method);
        endpoint->path = strdup(path);
        grown = reallocarray(stats->endpoints, stats->n_endpoints + 1, sizeof(EndpointStats *));
        if (grown)
                stats->endpoints = grown;
        if (!endpoint->method || !endpoint->path || !grown)
                return -ENOMEM;
        *ret = stats->endpoints[stats->n_endpoints++] = TAKE_PTR(endpoint);
        return 0;
}

void stats_count(Stats *stats, EndpointStats *endpoint, unsigned status, uint64_t usec) {
        bool failed = status >= 400;

        stats->requests++;
        stats->usec_total += usec;
        stats->errors += failed;
        if (failed && status < STATUS_MAX)
                stats->errors_by_status[status - 400]++;
        if (!endpoint)
                return;
        endpoint->requests++;
        endpoint->usec_total += usec;
        endpoint->errors += failed;
        (void) histogram_add(&endpoint->latency, usec); /* without memory the quantiles lack one, and nobody waits for them */
}

uint64_t stats_requests(const Stats *stats) {
        return stats->requests;
}

uint64_t stats_errors(const Stats *stats) {
        return stats->errors;
}

static double average_msec(uint64_t usec_total, uint64_t n) {
        return n == 0 ? 0 : (double) usec_total / (double) n / (double) USEC_PER_MSEC;
}

/* In ms; 0 before the first request. */
static double quantile_msec(const EndpointStats *endpoint, double q) {
        return endpoint->latency.count == 0 ? 0 : histogram_quantile(&endpoint->latency, q) / (double) USEC_PER_MSEC;
}

static json_object *errors_by_code(const Stats *stats) {
        json_object *by_code = json_object_new_object();

        for (unsigned i = 0; by_code && i < ELEMENTSOF(stats->errors_by_status); i++) {
                char code[sizeof("4294967295")];

                if (stats->errors_by_status[i] == 0)
                        continue;
                (void) snprintf(code, sizeof(code), "%u", i + 400);
                if (!json_add(by_code, code, json_object_new_int64(stats->errors_by_status[i]))) {
                        json_object_put(by_code);
                        return NULL;
                }
        }
        return by_code;
}

json_object *stats_to_json(const Stats *stats) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "requests", json_object_new_uint64(stats->requests)) &&
            json_add(json, "successfulRequests", json_object_new_uint64(stats->requests - stats->errors)) &&
            json_add(json, "errors", json_object_new_uint64(stats->errors)) &&
            json_add(json, "avgLatency", json_rounded(average_msec(stats->usec_total, stats->requests))) &&
            json_add(json, "errorsByCode", errors_by_code(stats)))
                return json;
        json_object_put(json);
        return NULL;
}

static int compare_busiest(const void *a, const void *b) {
        const EndpointStats *x = *(EndpointStats *const *) a, *y = *(EndpointStats *const *) b;

        return x->requests == y->requests ? strcmp(x->path, y->path) : x->requests > y->requests ? -1 : 1;
}

static json_object *endpoint_to_json(const EndpointStats *endpoint) {
        _cleanup_(freep) char *name = str_printf("%s %s", endpoint->method, endpoint->path);
        json_object *json = json_object_new_object();

        if (json && name && json_add(json, "endpoint", json_object_new_string(name)) &&
            json_add(json, "requests", json_object_new_uint64(endpoint->requests)) &&
            json_add(json, "avgLatency", json_rounded(average_msec(endpoint->usec_total, endpoint->requests))) &&
            json_add(json, "p50", json_rounded(quantile_msec(endpoint, 0.50))) &&
            json_add(json, "p99", json_rounded(quantile_msec(endpoint, 0.99))) &&
            json_add(json, "errorRate", json_rounded((double) endpoint->errors / (double) endpoint->requests)))
                return json;
        json_object_put(json);
        return NULL;
}

json_object *stats_top_endpoints(const Stats *stats, size_t limit) {
        _cleanup_(freep) EndpointStats **sorted = NULL;
        json_object *list = json_object_new_array();

        if (!list || stats->n_endpoints == 0)
                return list;
        sorted = calloc(stats->n_endpoints, sizeof(EndpointStats *));
        if (!sorted) {
                json_object_put(list);
                return NULL;
        }
        memcpy(sorted, stats->endpoints, stats->n_endpoints * sizeof(EndpointStats *));
        qsort(sorted, stats->n_endpoints, sizeof(EndpointStats *), compare_busiest);
        for (size_t i = 0; i < MIN(limit, stats->n_endpoints) && sorted[i]->requests > 0; i++) {
                json_object *row = endpoint_to_json(sorted[i]);

                if (!row || json_object_array_add(list, row) < 0) {
                        json_object_put(row);
                        json_object_put(list);
                        return NULL;
                }
        }
        return list;
}
