/* SPDX-License-Identifier: MIT */
#include "health.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "basic/macro.h"
#include "basic/string-util.h"
#include "foundation/json-util.h"

void health_outcomes(const Health *h, uint64_t now, double *ret_good, double *ret_bad) {
        uint64_t age = now > h->counted_at ? now - h->counted_at : 0;
        double left = exp2(-(double) age / (double) HEALTH_HALF_LIFE);

        *ret_good = h->good * left;
        *ret_bad = h->bad * left;
}

static void count(Health *h, double good, double bad, uint64_t now) {
        health_outcomes(h, now, &h->good, &h->bad);
        h->good += good;
        h->bad += bad;
        h->counted_at = now;
}

void health_success(Health *h, bool probe, uint64_t latency, uint64_t now) {
        breaker_success(&h->breaker, probe);
        count(h, 1, 0, now);
        if (h->latency > 0)
                h->latency += HEALTH_LATENCY_WEIGHT * ((double) latency - h->latency);
        else
                h->latency = (double) latency;
}

void health_failure(Health *h, bool probe, bool counts, const char *error, uint64_t now, uint64_t realtime) {
        (void) snprintf(h->error, sizeof(h->error), "%s", error);
        h->failed_at = realtime;
        if (!counts) {
                breaker_forget(&h->breaker, probe);
                return;
        }
        breaker_failure(&h->breaker, probe, now);
        count(h, 0, 1, now);
}

void health_alive(Health *h, bool probe) {
        breaker_success(&h->breaker, probe);
}

void health_forget(Health *h, bool probe) {
        breaker_forget(&h->breaker, probe);
}

void health_cool(Health *h, uint64_t until) {
        h->cool_until = MAX(h->cool_until, until);
}

uint64_t health_wait(const Health *h, uint64_t now, const char **ret_why) {
        if (now < h->cool_until) {
                *ret_why = "cooling down";
                return h->cool_until - now;
        }
        switch (breaker_state(&h->breaker, now)) {
        case BREAKER_OPEN:
                *ret_why = "circuit open";
                return h->breaker.open_until - now;
        case BREAKER_HALF_OPEN:
                *ret_why = "circuit open";
                return h->breaker.probing ? BREAKER_OPEN_FIRST : 0;
        case BREAKER_CLOSED:
                break;
        }
        return 0;
}

/* --- From one generation to the next: the clock is the same --- */

json_object *health_to_json(const Health *h) {
        json_object *json = json_object_new_object();

        /* A probe that is under way is the old generation's. */
        if (json && json_add(json, "failures", json_object_new_int64(h->breaker.failures)) &&
            json_add(json, "openFor", json_object_new_uint64(h->breaker.open_for)) &&
            json_add(json, "openUntil", json_object_new_uint64(h->breaker.open_until)) &&
            json_add(json, "coolUntil", json_object_new_uint64(h->cool_until)) &&
            json_add(json, "good", json_object_new_double(h->good)) &&
            json_add(json, "bad", json_object_new_double(h->bad)) &&
            json_add(json, "countedAt", json_object_new_uint64(h->counted_at)) &&
            json_add(json, "latency", json_object_new_double(h->latency)) &&
            json_add(json, "failedAt", json_object_new_uint64(h->failed_at)) &&
            json_add(json, "error", json_object_new_string(h->error)))
                return json;
        json_object_put(json);
        return NULL;
}

static uint64_t take_uint(json_object *json, const char *name) {
        return json_object_get_uint64(json_object_object_get(json, name));
}

static double take_double(json_object *json, const char *name) {
        double value = json_object_get_double(json_object_object_get(json, name));

        return isfinite(value) && value > 0 ? value : 0;
}

void health_from_json(Health *h, json_object *json) {
        const char *error = json_object_get_string(json_object_object_get(json, "error"));

        *h = (Health) {
                .breaker = {
                        .failures = (unsigned) take_uint(json, "failures"),
                        .open_for = take_uint(json, "openFor"),
                        .open_until = take_uint(json, "openUntil"),
                },
                .cool_until = take_uint(json, "coolUntil"),
                .good = take_double(json, "good"),
                .bad = take_double(json, "bad"),
                .counted_at = take_uint(json, "countedAt"),
                .latency = take_double(json, "latency"),
                .failed_at = take_uint(json, "failedAt"),
        };
        (void) snprintf(h->error, sizeof(h->error), "%s", strempty(error));
}
