/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stddef.h>

#include "modules/provider/health.h"

#define S UINT64_C(1000000)

Test(provider_health, outcomes_are_forgotten) {
        Health h = {};
        double good, bad;

        for (int i = 0; i < 8; i++)
                health_success(&h, false, 100000, 10 * S);
        health_failure(&h, false, true, "cut", 10 * S, 1);
        health_outcomes(&h, 10 * S, &good, &bad);
        cr_expect_float_eq(good, 8, 1e-9);
        cr_expect_float_eq(bad, 1, 1e-9);
        health_outcomes(&h, (10 * S) + HEALTH_HALF_LIFE, &good, &bad);
        cr_expect_float_eq(good, 4, 1e-9);
        cr_expect_float_eq(bad, 0.5, 1e-9);
        health_success(&h, false, 100000, (10 * S) + (3 * HEALTH_HALF_LIFE));
        health_outcomes(&h, (10 * S) + (3 * HEALTH_HALF_LIFE), &good, &bad);
        cr_expect_float_eq(good, 2, 1e-9);
}

Test(provider_health, latency_moves_towards_the_newest) {
        Health h = {};

        health_success(&h, false, 100000, S);
        cr_expect_float_eq(h.latency, 100000, 1e-6);
        health_success(&h, false, 200000, S);
        cr_expect_float_eq(h.latency, 120000, 1e-6);
}

Test(provider_health, it_rests) {
        const char *why = "";
        Health h = {};

        cr_expect_eq(health_wait(&h, S, &why), 0);
        health_cool(&h, 5 * S);
        health_cool(&h, 3 * S); /* shorter ones change nothing */
        cr_expect_eq(health_wait(&h, S, &why), 4 * S);
        cr_expect_str_eq(why, "cooling down");
        cr_expect_eq(health_wait(&h, 5 * S, &why), 0);
        for (int i = 0; i < BREAKER_FAILURES; i++)
                health_failure(&h, false, true, "connect", 6 * S, 1);
        cr_expect_eq(health_wait(&h, 6 * S, &why), BREAKER_OPEN_FIRST);
        cr_expect_str_eq(why, "circuit open");
}

Test(provider_health, what_does_not_count_opens_no_circuit) {
        const char *why;
        Health h = {};
        double good, bad;

        for (int i = 0; i < 2 * BREAKER_FAILURES; i++)
                health_failure(&h, false, false, "http-429", S, 7);
        cr_expect_eq(health_wait(&h, S, &why), 0);
        health_outcomes(&h, S, &good, &bad);
        cr_expect_eq(bad, 0);
        cr_expect_str_eq(h.error, "http-429");
        cr_expect_eq(h.failed_at, 7);
}

Test(provider_health, goes_over_to_the_next_generation) {
        Health h = {}, next = {};
        json_object *json;
        double good, bad;
        const char *why;

        health_success(&h, false, 123456, 2 * S);
        for (int i = 0; i < BREAKER_FAILURES; i++)
                health_failure(&h, false, true, "timeout-idle", 2 * S, 99);
        health_cool(&h, 9 * S);
        json = health_to_json(&h);
        health_from_json(&next, json);
        json_object_put(json);
        health_outcomes(&next, 2 * S, &good, &bad);
        cr_expect_float_eq(good, 1, 1e-9);
        cr_expect_float_eq(bad, BREAKER_FAILURES, 1e-9);
        cr_expect_float_eq(next.latency, 123456, 1e-6);
        cr_expect_eq(next.cool_until, 9 * S);
        cr_expect_str_eq(next.error, "timeout-idle");
        cr_expect_eq(next.failed_at, 99);
        cr_expect_eq(health_wait(&next, 2 * S, &why), 7 * S);
        cr_expect_eq(breaker_state(&next.breaker, 2 * S), BREAKER_OPEN);
}

Test(provider_health, nonsense_of_another_generation) {
        json_object *json = json_object_new_object();
        Health h = {};
        double good, bad;

        json_object_object_add(json, "good", json_object_new_string("nan"));
        json_object_object_add(json, "latency", json_object_new_double(-5));
        json_object_object_add(json, "error", NULL);
        health_from_json(&h, json);
        health_outcomes(&h, S, &good, &bad);
        cr_expect_eq(good, 0);
        cr_expect_eq(h.latency, 0);
        cr_expect_str_eq(h.error, "");
        json_object_put(json);
}
