/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include "basic/time-util.h"

int sum_calls(const Question *q, const Window *w, bool by_model, Sum *ret) {
        *ret = SUM_INIT;
        return q->tally ? tally_sum(q->tally, w->from, w->to, by_model, ret) : 0;
}

json_object *window_to_json(const Window *w) {
        json_object *json = json_object_new_object();

        put_time(json, "from", w->from);
        put_time(json, "to", w->to);
        return json;
}

void put_method(json_object *json) {
        json_object *m = json_object_new_object(), *percentiles = json_object_new_object();

        put_text(m, "window", "calls that began at or after from and before to, in whole hours of UTC");
        put_text(m, "successRate", "succeeded / (succeeded + failed); calls that were cancelled, interrupted or never sent "
                                   "are in neither");
        put_text(m, "avgLatency", "mean ms of the calls that succeeded");
        put_text(m, "costPer1kTokens", "USD of the calls whose price is known / their tokens * 1000; null when none is "
                                       "known");
        put(m, "minSample", json_object_new_int(SAMPLE_MIN));
        put_text(percentiles, "method", "nearest rank in a log-linear histogram, middle of the bucket");
        put(percentiles, "maxRelativeError", number_p(histogram_error(FIGURES_BITS)));
        put(m, "percentiles", percentiles);
        put(json, "method", m);
}

void put_hint(json_object *json, const Question *q, const Sum *sum) {
        char from[ISO8601_MAX], to[ISO8601_MAX];
        uint64_t begin = 0, end = 0;

        if (sum && sum->n > 0)
                return;
        if (q->tally)
                tally_span(q->tally, &begin, &end);
        if (end == 0)
                put_text(json, "hint", "the ledger holds no call yet: add a provider with 'toolooctl provider add' and "
                                       "call it through /v1");
        else
                put_text_printf(json, "hint", "no call ended in this period; the ledger holds calls from %s to %s",
                                format_iso8601(from, begin), format_iso8601(to, end));
}

json_object *requests_to_json(const RequestCounts *c) {
        json_object *json = json_object_new_object();

        put(json, "ended", json_object_new_uint64(c->ended));
        put(json, "failed", json_object_new_uint64(c->failed));
        put(json, "clientGone", json_object_new_uint64(c->gone));
        put(json, "cacheHits", json_object_new_uint64(c->hits));
        put(json, "joined", json_object_new_uint64(c->joined));
        return json;
}

void put_brief(json_object *json, const Figures *f) {
        put(json, "requestsProcessed", json_object_new_uint64(figures_calls(f)));
        put(json, "successRate", number_share(figures_success_rate(f)));
        put(json, "avgLatency", number_ms(figures_average_ms(f)));
        put(json, "p50", number_ms(figures_quantile_ms(f, 0.50)));
        put(json, "p95", number_ms(figures_quantile_ms(f, 0.95)));
        put(json, "costPer1kTokens", number_usd(figures_cost_per_1k(f)));
        put(json, "totalCost", number_usd(figures_cost_usd(f)));
        put(json, "tokensProcessed", json_object_new_uint64(f->tokens_in + f->tokens_out));
}

/* --- Tests --- */

json_object *proportions_to_json(const TestResult *t) {
        json_object *json = json_object_new_object();

        put_text(json, "test", "two-proportion z test, pooled, two-sided");
        put(json, "z", number_p(t->z));
        put(json, "p", number_p(t->p));
        put(json, "difference", number_share(t->effect));
        return json;
}

json_object *mann_whitney_to_json(const TestResult *t) {
        json_object *json = json_object_new_object();

        put_text(json, "test", "Mann-Whitney U, normal approximation with tie and continuity correction, two-sided");
        put(json, "u", json_object_new_double(t->statistic));
        put(json, "z", number_p(t->z));
        put(json, "p", number_p(t->p));
        put(json, "probabilityGreater", number_share(t->effect));
        return json;
}

bool can_test_success(const Figures *a, const Figures *b) {
        return figures_judged(a) >= SAMPLE_MIN && figures_judged(b) >= SAMPLE_MIN;
}

bool can_test_latency(const Figures *a, const Figures *b) {
        return a->latencies.count >= SAMPLE_MIN && b->latencies.count >= SAMPLE_MIN;
}

bool can_test_cost(const Figures *a, const Figures *b) {
        return a->costs.count >= SAMPLE_MIN && b->costs.count >= SAMPLE_MIN;
}

void test_all(const Figures *a, const Figures *b, Tests *ret) {
        Tests t = {};

        t.success.did = can_test_success(a, b) && test_proportions(a->succeeded, figures_judged(a), b->succeeded,
                                                                    figures_judged(b), &t.success.result);
        t.latency.did = can_test_latency(a, b) && test_mann_whitney(&a->latencies, &b->latencies, &t.latency.result);
        t.cost.did = can_test_cost(a, b) && test_mann_whitney(&a->costs, &b->costs, &t.cost.result);
        *ret = t;
}

json_object *tests_to_json(const Tests *t) {
        json_object *json = json_object_new_object();

        put(json, "success", t->success.did ? proportions_to_json(&t->success.result) : NULL);
        put(json, "latency", t->latency.did ? mann_whitney_to_json(&t->latency.result) : NULL);
        put(json, "cost", t->cost.did ? mann_whitney_to_json(&t->cost.result) : NULL);
        return json;
}

unsigned tests_count(const Tests *t) {
        return (unsigned) t->success.did + (unsigned) t->latency.did + (unsigned) t->cost.did;
}
