/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kinds.h"

/* GET /api/v1/reports/delta?from&to&baseFrom&baseTo: a period against another, unless told the one of the same length
 * before. */

static void put_change(json_object *json, const char *name, double before, double now, json_object *(*number)(double)) {
        json_object *change = json_object_new_object();

        put(change, "absolute", number(now - before));
        put(change, "percent", before > 0 ? number_ms(100 * (now - before) / before) : NULL);
        put(json, name, change);
}

static json_object *change_to_json(const Figures *before, const Figures *now) {
        json_object *json = json_object_new_object();

        put_change(json, "requestsProcessed", (double) figures_calls(before), (double) figures_calls(now), number_ms);
        put_change(json, "successRate", figures_success_rate(before), figures_success_rate(now), number_share);
        put_change(json, "avgLatency", figures_average_ms(before), figures_average_ms(now), number_ms);
        put_change(json, "p50", figures_quantile_ms(before, 0.50), figures_quantile_ms(now, 0.50), number_ms);
        put_change(json, "p95", figures_quantile_ms(before, 0.95), figures_quantile_ms(now, 0.95), number_ms);
        put_change(json, "costPer1kTokens", figures_cost_per_1k(before), figures_cost_per_1k(now), number_usd);
        put_change(json, "totalCost", figures_cost_usd(before), figures_cost_usd(now), number_usd);
        return json;
}

static json_object *brief(const Figures *f) {
        json_object *json = json_object_new_object();

        put_brief(json, f);
        return json;
}

static json_object *delta_of(const char *provider, const Figures *before, const Figures *now) {
        json_object *json = json_object_new_object();
        Tests tests;

        test_all(now, before, &tests);
        if (provider)
                put_text(json, "provider", provider);
        put(json, "current", brief(now));
        put(json, "previous", brief(before));
        put(json, "change", change_to_json(before, now));
        put(json, "tests", tests_to_json(&tests));
        return json;
}

/* Both are ordered by name. */
static json_object *providers_of(const Sum *before, const Sum *now) {
        json_object *list = json_object_new_array();
        const Figures none = FIGURES_INIT;
        size_t i = 0, k = 0;

        while (i < before->n || k < now->n) {
                const Part *b = i < before->n ? before->parts + i : NULL, *n = k < now->n ? now->parts + k : NULL;

                if (b && (!n || strcmp(b->provider, n->provider) < 0)) {
                        push(list, delta_of(b->provider, &b->figures, &none));
                        i++;
                } else if (n && (!b || strcmp(b->provider, n->provider) > 0)) {
                        push(list, delta_of(n->provider, &none, &n->figures));
                        k++;
                } else if (b && n) {
                        push(list, delta_of(b->provider, &b->figures, &n->figures));
                        i++;
                        k++;
                }
        }
        return list;
}

int make_delta(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum before = SUM_INIT, now = SUM_INIT;
        json_object *delta;
        int r;

        r = sum_calls(q, &q->base, false, &before);
        if (r >= 0)
                r = sum_calls(q, &q->window, false, &now);
        if (r < 0)
                return r;
        delta = delta_of(NULL, &before.total, &now.total);
        put(delta, "providers", providers_of(&before, &now));
        put(delta, "window", window_to_json(&q->window));
        put(delta, "base", window_to_json(&q->base));
        ret->rows = providers_of(&before, &now);
        if (json_object_array_length(ret->rows) > 0)
                push(ret->rows, delta_of("(all)", &before.total, &now.total));
        ret->json = json_object_new_object();
        put(ret->json, "delta", delta);
        put_method(ret->json);
        put_hint(ret->json, q, now.n > 0 ? &now : &before);
        return 0;
}
