/* SPDX-License-Identifier: MIT */
#include "scores.h"

#include <math.h>
#include <string.h>

#include "build.h"

#define WEIGHT_LATENCY 0.4
#define WEIGHT_SUCCESS 0.4
#define WEIGHT_COST 0.2

/* Of the success rate; the lower one is that of metricsd's rule default-provider-success. */
#define HEALTHY_FROM 0.95
#define FAILING_BELOW 0.7

static void judge(const Part *part, Standing *ret) {
        const Figures *f = &part->figures;
        Standing s = { part->provider, f, .latency = NAN, .success = NAN, .cost = NAN, .overall = NAN };

        if (figures_judged(f) > 0) {
                s.latency = f->succeeded == 0 ? 0 : fmax(0, 100 - figures_average_ms(f) / 10);
                s.success = 100 * figures_success_rate(f);
                s.overall = WEIGHT_LATENCY * s.latency + WEIGHT_SUCCESS * s.success;
                if (f->priced_tokens > 0) {
                        s.cost = fmax(0, 100 - 10 * figures_cost_per_1k(f));
                        s.overall += WEIGHT_COST * s.cost;
                } else
                        s.overall /= WEIGHT_LATENCY + WEIGHT_SUCCESS;
        }
        s.rank = figures_judged(f) >= SAMPLE_MIN;
        *ret = s;
}

static int compare(const void *a, const void *b) {
        const Standing *x = a, *y = b;
        uint64_t of_x = figures_calls(x->figures), of_y = figures_calls(y->figures);

        if (x->rank != y->rank)
                return x->rank > y->rank ? -1 : 1;
        if (x->rank > 0 && x->overall != y->overall)
                return x->overall > y->overall ? -1 : 1;
        if (x->rank == 0 && of_x != of_y)
                return of_x > of_y ? -1 : 1;
        return strcmp(x->provider, y->provider);
}

int standings_new(const Sum *sum, Standing **ret) {
        Standing *s;

        if (sum->n == 0) {
                *ret = NULL;
                return 0;
        }
        s = calloc(sum->n, sizeof(Standing));
        if (!s)
                return -ENOMEM;
        for (size_t i = 0; i < sum->n; i++)
                judge(sum->parts + i, s + i);
        qsort(s, sum->n, sizeof(Standing), compare);
        for (size_t i = 0; i < sum->n && s[i].rank > 0; i++)
                s[i].rank = (unsigned) i + 1;
        *ret = s;
        return 0;
}

/* --- In JSON --- */

static const char *status_of(const Standing *s) {
        double rate = figures_success_rate(s->figures);

        if (s->rank == 0)
                return "insufficient-data";
        return rate >= HEALTHY_FROM ? "healthy" : rate >= FAILING_BELOW ? "degraded" : "failing";
}

json_object *standing_to_json(const Standing *s) {
        json_object *json = json_object_new_object(), *scores = json_object_new_object();

        put(json, "rank", s->rank > 0 ? json_object_new_int64(s->rank) : NULL);
        put_text(json, "name", s->provider);
        put_text(json, "status", status_of(s));
        put(scores, "latency", number_ms(s->latency));
        put(scores, "success", number_ms(s->success));
        put(scores, "cost", number_ms(s->cost));
        put(scores, "overall", number_ms(s->overall));
        put(json, "scores", scores);
        put(json, "metrics", figures_to_json(s->figures));
        if (s->rank == 0)
                put_text_printf(json, "note", "no rank: %llu of the %d calls that one takes",
                                (unsigned long long) figures_judged(s->figures), SAMPLE_MIN);
        else if (isnan(s->cost))
                put_text(json, "note", "no price is known, so overall is of latency and success alone");
        return json;
}

json_object *standings_to_json(const Standing *standings, size_t n, size_t limit) {
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < MIN(n, limit); i++)
                push(list, standing_to_json(standings + i));
        return list;
}

void put_formula(json_object *json) {
        json_object *f = json_object_new_object();

        put_text(f, "latency", "max(0, 100 - avgLatency / 10); 0 when no call succeeded");
        put_text(f, "success", "100 * successRate");
        put_text(f, "cost", "max(0, 100 - 10 * costPer1kTokens); null when no price is known");
        put_text(f, "overall", "0.4 * latency + 0.4 * success + 0.2 * cost; (0.4 * latency + 0.4 * success) / 0.8 when cost "
                               "is null");
        put_text(f, "status", "healthy from a successRate of 0.95, degraded from 0.7, else failing; insufficient-data below "
                              "minSample");
        put(json, "formula", f);
}
