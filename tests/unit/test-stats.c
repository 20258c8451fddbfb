/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "foundation/stats.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

static Stats *stats;

static void set_up(void) {
        cr_assert_eq(stats_new(&stats), 0);
}

static void tear_down(void) {
        stats = stats_free(stats);
}

TestSuite(stats, .init = set_up, .fini = tear_down);

static EndpointStats *endpoint(const char *method, const char *path) {
        EndpointStats *e = NULL;

        cr_assert_eq(stats_endpoint(stats, method, path, &e), 0);
        return e;
}

static double number(json_object *json, const char *name) {
        json_object *value;

        cr_assert(json_object_object_get_ex(json, name, &value), "%s", name);
        return json_object_get_double(value);
}

Test(stats, nothing_yet) {
        _cleanup_(json_object_putp) json_object *json = stats_to_json(stats), *top = NULL;

        (void) endpoint("GET", "/never-asked");
        top = stats_top_endpoints(stats, 5);
        cr_expect_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                         "{\"requests\":0,\"successfulRequests\":0,\"errors\":0,\"avgLatency\":0.000,\"errorsByCode\":{}}");
        cr_expect_eq(json_object_array_length(top), 0);
}

Test(stats, counts) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        EndpointStats *e = endpoint("GET", "/a");

        stats_count(stats, e, 200, 1000);
        stats_count(stats, e, 399, 1000);
        stats_count(stats, e, 400, 1000);
        stats_count(stats, NULL, 404, 1000);
        stats_count(stats, NULL, 404, 1000);
        stats_count(stats, NULL, 599, 1000);
        stats_count(stats, NULL, 999, 2500); /* counted, though no code of ours */
        json = stats_to_json(stats);
        cr_expect_eq(stats_requests(stats), 7);
        cr_expect_eq(stats_errors(stats), 5);
        cr_expect_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                         "{\"requests\":7,\"successfulRequests\":2,\"errors\":5,\"avgLatency\":1.214,"
                         "\"errorsByCode\":{\"400\":1,\"404\":2,\"599\":1}}");
}

Test(stats, endpoints_are_found_again) {
        EndpointStats *get = endpoint("GET", "/a"), *post = endpoint("POST", "/a");

        cr_expect_neq(get, post);
        cr_expect_eq(endpoint("GET", "/a"), get);
        cr_expect_eq(endpoint("POST", "/a"), post);
}

Test(stats, busiest_first) {
        static const char *const order[] = { "GET /b", "GET /a", "GET /c" };
        _cleanup_(json_object_putp) json_object *top = NULL;
        EndpointStats *c = endpoint("GET", "/c"), *a = endpoint("GET", "/a"), *b = endpoint("GET", "/b");

        stats_count(stats, b, 200, 1);
        stats_count(stats, b, 500, 1);
        stats_count(stats, a, 200, 1);
        stats_count(stats, c, 200, 1);
        top = stats_top_endpoints(stats, 10);
        cr_assert_eq(json_object_array_length(top), ELEMENTSOF(order));
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                json_object *name;

                cr_assert(json_object_object_get_ex(json_object_array_get_idx(top, i), "endpoint", &name));
                cr_expect_str_eq(json_object_get_string(name), order[i]);
        }
        cr_expect_eq(number(json_object_array_get_idx(top, 0), "errorRate"), 0.5);
        json_object_put(top);
        top = stats_top_endpoints(stats, 2);
        cr_expect_eq(json_object_array_length(top), 2);
}

/* Exact to 6.25 %, as the header says. */
Test(stats, quantiles) {
        static const uint64_t latencies[] = { 1, 2, 3, 10, 1000, 12345, 999999, UINT64_C(3600000000) };

        for (size_t i = 0; i < ELEMENTSOF(latencies); i++) {
                _cleanup_(freep) char *path = str_printf("/%zu", i);
                _cleanup_(json_object_putp) json_object *top = NULL;
                double wanted = (double) latencies[i] / 1000, p50;
                EndpointStats *e = endpoint("GET", path);

                for (unsigned n = 0; n < 10; n++)
                        stats_count(stats, e, 200, latencies[i]);
                stats_count(stats, e, 200, UINT64_MAX); /* the 11th: beyond p50, and beyond every bucket */
                top = stats_top_endpoints(stats, 100);
                for (size_t j = 0; j < json_object_array_length(top); j++) {
                        json_object *one = json_object_array_get_idx(top, j), *name;

                        cr_assert(json_object_object_get_ex(one, "endpoint", &name));
                        if (!streq(json_object_get_string(name) + strlen("GET "), path))
                                continue;
                        p50 = number(one, "p50");
                        cr_expect(p50 >= wanted * 0.9375 - 0.0005 && p50 <= wanted * 1.0625 + 0.0005, "%g is not near %g", p50, wanted);
                        cr_expect_gt(number(one, "p99"), 4 * 3600 * 1000.0);
                }
        }
}

Test(stats, endpoint_limit) {
        EndpointStats *untouched = NULL;
        char path[16];

        for (unsigned i = 0; i < 1024; i++) {
                (void) snprintf(path, sizeof(path), "/%u", i);
                cr_assert_eq(stats_endpoint(stats, "GET", path, &untouched), 0);
        }
        untouched = NULL;
        cr_expect_eq(stats_endpoint(stats, "GET", "/one-more", &untouched), -E2BIG);
        cr_expect_null(untouched);
        cr_expect_eq(stats_endpoint(stats, "GET", "/7", &untouched), 0);
}
