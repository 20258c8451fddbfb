/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "kinds.h"

/* GET /api/v1/reports/provider-insights?recentHours
 *
 * A leader is told only when it is significantly better than every rival that has enough calls. Who leads is seen from
 * the same data, so the greatest p among the rivals is multiplied by their number (Bonferroni). A decline is found in
 * the last hours of the period against the rest of it; its p is multiplied by the number of tests that were looked
 * through. */

typedef struct Insights {
        const Question *q;
        const Standing *standings; /* those with a rank alone */
        size_t n;
        json_object *list;
} Insights;

/* What one provider has ahead of another: p that it is by chance, and the test it is from. >= 1 when it is not ahead. */
typedef double (*ahead_t)(const Standing *a, const Standing *b, json_object **ret_test);

static double capped(double p) {
        return fmin(1, p);
}

static void put_test(json_object *evidence, const char *rival, json_object *test, double p) {
        json_object *json = json_object_new_object();

        put_text(json, "rival", rival);
        put(json, "p", number_p(p));
        put(json, "result", test);
        push(evidence, json);
}

static json_object *metrics_of(const Standing *s) {
        json_object *json = json_object_new_object();

        put(json, "overall", number_ms(s->overall));
        put_brief(json, s->figures);
        put(json, "sample", json_object_new_uint64(figures_judged(s->figures)));
        return json;
}

static void add(const Insights *in, const char *type, const char *provider, char *message, json_object *metrics,
                json_object *tests, double p, const char *correction) {
        json_object *json = json_object_new_object(), *evidence = json_object_new_object();

        put_text(json, "type", type);
        put_text(json, "provider", provider);
        put_text(json, "message", message);
        put(json, "metrics", metrics);
        put(evidence, "p", number_p(p));
        put(evidence, "alpha", number_p(ALPHA));
        put_text(evidence, "correction", correction);
        put(evidence, "tests", tests);
        put(json, "evidence", evidence);
        push(in->list, json);
        free(message);
}

/* --- Leaders --- */

/* p of a test that says which of the two is ahead: sign of z > 0 for a. */
static double one_way(const TestResult *t, bool greater_is_better) {
        return t->z != 0 && (t->z > 0) == greater_is_better ? t->p : 1;
}

static double more_reliable(const Standing *a, const Standing *b, json_object **ret_test) {
        TestResult t;

        if (!can_test_success(a->figures, b->figures) ||
            !test_proportions(a->figures->succeeded, figures_judged(a->figures), b->figures->succeeded,
                              figures_judged(b->figures), &t))
                return 1;
        *ret_test = proportions_to_json(&t);
        return one_way(&t, true);
}

static double cheaper(const Standing *a, const Standing *b, json_object **ret_test) {
        TestResult t;

        if (!can_test_cost(a->figures, b->figures) || !test_mann_whitney(&a->figures->costs, &b->figures->costs, &t))
                return 1;
        *ret_test = mann_whitney_to_json(&t);
        return one_way(&t, false);
}

/* Significantly ahead in one of the two, at the price of two tests, and significantly behind in none. */
static double performs_better(const Standing *a, const Standing *b, json_object **ret_test) {
        Tests t;
        double ahead = 1, behind = 1;

        test_all(a->figures, b->figures, &t);
        t.cost.did = false;
        if (t.success.did) {
                ahead = fmin(ahead, one_way(&t.success.result, true));
                behind = fmin(behind, one_way(&t.success.result, false));
        }
        if (t.latency.did) {
                ahead = fmin(ahead, one_way(&t.latency.result, false));
                behind = fmin(behind, one_way(&t.latency.result, true));
        }
        *ret_test = tests_to_json(&t);
        return 2 * behind < ALPHA ? 1 : capped(2 * ahead);
}

static void find_leader(const Insights *in, const char *type, const char *what, const Standing *leader, ahead_t ahead) {
        json_object *tests = json_object_new_array();
        double worst = 0;
        size_t rivals = 0;
        char correction[96];

        for (size_t i = 0; leader && i < in->n; i++) {
                const Standing *rival = in->standings + i;
                json_object *test = NULL;
                double p;

                if (rival == leader || (ahead == cheaper && rival->figures->priced_tokens == 0))
                        continue;
                p = ahead(leader, rival, &test);
                put_test(tests, rival->provider, test, p);
                worst = fmax(worst, p);
                rivals++;
        }
        worst = capped(worst * (double) rivals);
        if (rivals == 0 || worst >= ALPHA) {
                json_object_put(tests);
                return;
        }
        (void) snprintf(correction, sizeof(correction),
                        "the greatest p of %zu rivals, multiplied by their number (Bonferroni)", rivals);
        add(in, type, leader->provider, str_printf("%s %s", leader->provider, what), metrics_of(leader), tests, worst,
            correction);
}

/* The greatest value; NAN is none. */
static const Standing *greatest(const Insights *in, double (*value)(const Standing *s)) {
        const Standing *best = NULL;

        for (size_t i = 0; i < in->n; i++)
                if (!isnan(value(in->standings + i)) && (!best || value(in->standings + i) > value(best)))
                        best = in->standings + i;
        return best;
}

static double overall_of(const Standing *s) {
        return s->overall;
}

static double success_of(const Standing *s) {
        return s->success;
}

static double cheapness_of(const Standing *s) {
        return -figures_cost_per_1k(s->figures);
}

static void find_leaders(const Insights *in) {
        find_leader(in, "top-performer", "has the best overall score, and is faster or more reliable than every other",
                    greatest(in, overall_of), performs_better);
        find_leader(in, "cost-leader", "costs less per 1,000 tokens than every other whose price is known",
                    greatest(in, cheapness_of), cheaper);
        find_leader(in, "reliability-leader", "fails less often than every other", greatest(in, success_of), more_reliable);
}

/* --- Declines --- */

typedef struct Decline {
        const char *provider;
        const Figures *before, *recent;
        unsigned tests; /* in all */
        double p;
        bool slower;    /* else it fails more */
} Decline;

static void add_decline(const Insights *in, const Decline *d, json_object *test) {
        json_object *metrics = json_object_new_object(), *before = json_object_new_object();
        json_object *recent = json_object_new_object(), *tests = json_object_new_array();
        unsigned hours = in->q->recent_hours;
        char correction[96], *message;

        put_brief(before, d->before);
        put_brief(recent, d->recent);
        put(metrics, "before", before);
        put(metrics, "recent", recent);
        put(metrics, "recentHours", json_object_new_int64(hours));
        push(tests, test);
        if (d->slower)
                message = str_printf("%s answers slower: p50 was %.1f ms, and is %.1f ms in the last %u h of the period",
                                     d->provider, figures_quantile_ms(d->before, 0.5), figures_quantile_ms(d->recent, 0.5),
                                     hours);
        else
                message = str_printf("%s fails more often: %.1f %% of its calls succeeded, and %.1f %% in the last %u h of "
                                     "the period", d->provider, 100 * figures_success_rate(d->before),
                                     100 * figures_success_rate(d->recent), hours);
        (void) snprintf(correction, sizeof(correction), "p multiplied by %u, the number of tests made (Bonferroni)",
                        d->tests);
        add(in, "performance-decline", d->provider, message, metrics, tests, capped(d->p * d->tests), correction);
}

static void look_for_decline(const Insights *in, Decline *d) {
        Tests t;

        test_all(d->recent, d->before, &t);
        if (t.success.did) {
                d->p = one_way(&t.success.result, false);
                d->slower = false;
                if (d->p * d->tests < ALPHA)
                        add_decline(in, d, proportions_to_json(&t.success.result));
        }
        if (t.latency.did) {
                d->p = one_way(&t.latency.result, true);
                d->slower = true;
                if (d->p * d->tests < ALPHA)
                        add_decline(in, d, mann_whitney_to_json(&t.latency.result));
        }
}

/* Both as long as they are asked for. */
static unsigned count_tests(const Sum *before, const Sum *recent) {
        unsigned n = 0;

        for (size_t i = 0; i < recent->n; i++) {
                const Part *b = sum_find(before, recent->parts[i].provider);

                n += b && can_test_success(&b->figures, &recent->parts[i].figures);
                n += b && can_test_latency(&b->figures, &recent->parts[i].figures);
        }
        return n;
}

static int find_declines(const Insights *in) {
        _cleanup_(sum_done) Sum before = SUM_INIT, recent = SUM_INIT;
        uint64_t length = in->q->recent_hours * HOUR_USEC;
        Window w = in->q->window;
        int r;

        if (w.to - w.from <= length)
                return 0;
        r = sum_calls(in->q, &(Window) { .from = w.from, .to = w.to - length }, false, &before);
        if (r >= 0)
                r = sum_calls(in->q, &(Window) { .from = w.to - length, .to = w.to }, false, &recent);
        for (size_t i = 0; i < recent.n && r >= 0; i++) {
                const Part *part = recent.parts + i, *b = sum_find(&before, part->provider);

                if (b)
                        look_for_decline(in, &(Decline) {
                                .provider = part->provider, .before = &b->figures, .recent = &part->figures,
                                .tests = count_tests(&before, &recent) });
        }
        return r;
}

int insights_new(const Question *q, const Sum *sum, const Standing *standings, json_object **ret) {
        Insights in = { .q = q, .standings = standings, .list = json_object_new_array() };
        int r;

        if (!in.list)
                return -ENOMEM;
        while (in.n < sum->n && standings[in.n].rank > 0)
                in.n++;
        find_leaders(&in);
        r = find_declines(&in);
        if (r < 0) {
                json_object_put(in.list);
                return r;
        }
        *ret = in.list;
        return 0;
}

int make_insights(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        _cleanup_(freep) Standing *standings = NULL;
        int r;

        r = sum_calls(q, &q->window, false, &sum);
        if (r >= 0)
                r = standings_new(&sum, &standings);
        if (r >= 0)
                r = insights_new(q, &sum, standings, &ret->rows);
        if (r < 0)
                return r;
        ret->json = json_object_new_object();
        put(ret->json, "insights", json_object_get(ret->rows));
        put(ret->json, "window", window_to_json(&q->window));
        put_formula(ret->json);
        put_method(ret->json);
        put_hint(ret->json, q, &sum);
        if (sum.n > 0 && json_object_array_length(ret->rows) == 0)
                put_text(ret->json, "hint", "nothing in this period is significant: every difference between providers, and "
                                            "between the last hours and before, may be chance");
        return 0;
}
