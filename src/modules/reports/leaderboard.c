/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "kinds.h"

/* GET /api/v1/reports/provider-performance?limit&comparison=a,b&trends=true */

static const Standing *find(const Standing *standings, size_t n, const char *provider) {
        for (size_t i = 0; i < n; i++)
                if (streq(standings[i].provider, provider))
                        return standings + i;
        return NULL;
}

static json_object *unknown_to_json(const char *provider) {
        json_object *json = json_object_new_object();

        put_text(json, "name", provider);
        put(json, "metrics", NULL);
        put_text(json, "note", "no call of it ended in this period");
        return json;
}

static void add_pair(json_object *pairs, const Standing *a, const Standing *b) {
        json_object *json = json_object_new_object();
        Tests tests;

        test_all(a->figures, b->figures, &tests);
        put_text(json, "a", a->provider);
        put_text(json, "b", b->provider);
        put(json, "tests", tests_to_json(&tests));
        push(pairs, json);
}

static json_object *compare(const Question *q, const Standing *standings, size_t n) {
        json_object *json = json_object_new_object(), *providers = json_object_new_array(), *pairs = json_object_new_array();

        for (unsigned i = 0; i < q->n_compared; i++) {
                const Standing *a = find(standings, n, q->compared[i]);

                push(providers, a ? standing_to_json(a) : unknown_to_json(q->compared[i]));
                for (unsigned k = i + 1; a && k < q->n_compared; k++) {
                        const Standing *b = find(standings, n, q->compared[k]);

                        if (b)
                                add_pair(pairs, a, b);
                }
        }
        put(json, "providers", providers);
        put(json, "pairs", pairs);
        return json;
}

int make_leaderboard(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        _cleanup_(freep) Standing *standings = NULL;
        json_object *trends;
        int r;

        r = sum_calls(q, &q->window, false, &sum);
        if (r >= 0)
                r = standings_new(&sum, &standings);
        if (r < 0)
                return r;
        ret->json = json_object_new_object();
        ret->rows = standings_to_json(standings, sum.n, q->limit);
        put(ret->json, "leaderboard", json_object_get(ret->rows));
        put(ret->json, "total", json_object_new_uint64(sum.n));
        if (q->n_compared > 0)
                put(ret->json, "comparison", compare(q, standings, sum.n));
        if (q->trends) {
                r = trends_new(q, false, WINDOW_DAYS_MAX, NULL, &trends);
                if (r < 0)
                        return r;
                put(ret->json, "trends", trends);
        }
        put(ret->json, "window", window_to_json(&q->window));
        put_formula(ret->json);
        put_method(ret->json);
        put_hint(ret->json, q, &sum);
        return 0;
}
