/* SPDX-License-Identifier: MIT */
#include <json-c/json.h>

#include "kinds.h"

/* GET /api/v1/reports/performance, /comprehensive and /dashboard */

#define DASHBOARD_ROWS 5
#define DASHBOARD_DAYS 30
#define RANKS_MAX 100
#define DAYS_SHOWN 31

/* --- performance --- */

static json_object *row_of(const char *provider, const char *model, const Figures *f) {
        json_object *json = json_object_new_object(), *figures = figures_to_json(f);

        put_text(json, "provider", provider);
        if (model)
                put_text(json, "model", model);
        if (figures) {
                json_object_object_foreach(figures, name, value) {
                        put(json, name, json_object_get(value));
                }
        }
        json_object_put(figures);
        return json;
}

static json_object *rows_of(const Sum *sum) {
        json_object *rows = json_object_new_array();

        for (size_t i = 0; i < sum->n; i++)
                push(rows, row_of(sum->parts[i].provider, sum->parts[i].model, &sum->parts[i].figures));
        return rows;
}

int make_performance(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        json_object *metrics;
        int r;

        r = sum_calls(q, &q->window, false, &sum);
        if (r < 0)
                return r;
        metrics = figures_to_json(&sum.total);
        put(metrics, "requests", requests_to_json(&sum.requests));
        put(metrics, "providers", rows_of(&sum));
        ret->rows = rows_of(&sum);
        if (sum.n > 0)
                push(ret->rows, row_of("(all)", NULL, &sum.total));
        ret->json = json_object_new_object();
        put(ret->json, "metrics", metrics);
        put(ret->json, "window", window_to_json(&q->window));
        put_method(ret->json);
        put_hint(ret->json, q, &sum);
        return 0;
}

/* --- What the two others are made of --- */

static json_object *summary_of(const Sum *sum) {
        json_object *json = figures_to_json(&sum->total);

        put(json, "requests", requests_to_json(&sum->requests));
        put(json, "providers", json_object_new_uint64(sum->n));
        return json;
}

static int put_summary(const Question *q, const Window *w, json_object *json, const char *name) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        int r = sum_calls(q, w, false, &sum);

        if (r >= 0)
                put(json, name, summary_of(&sum));
        return r;
}

/* leaderboard, insights and trends of the period. */
static int put_period(const Question *q, const Sum *sum, size_t ranks, unsigned days, json_object *json) {
        _cleanup_(freep) Standing *standings = NULL;
        json_object *insights, *trends;
        int r;

        r = standings_new(sum, &standings);
        if (r < 0)
                return r;
        put(json, "leaderboard", standings_to_json(standings, sum->n, ranks));
        r = insights_new(q, sum, standings, &insights);
        if (r < 0)
                return r;
        put(json, "insights", insights);
        r = trends_new(q, false, days, NULL, &trends);
        if (r >= 0)
                put(json, "trends", trends);
        return r;
}

/* --- comprehensive --- */

static int put_models(const Question *q, json_object *json) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        int r = sum_calls(q, &q->window, true, &sum);

        if (r >= 0)
                put(json, "models", rows_of(&sum));
        return r;
}

int make_comprehensive(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        json_object *report = json_object_new_object();
        int r;

        ret->json = json_object_new_object();
        put(ret->json, "report", report);
        r = sum_calls(q, &q->window, false, &sum);
        if (r < 0)
                return r;
        put(report, "window", window_to_json(&q->window));
        put(report, "summary", summary_of(&sum));
        r = put_period(q, &sum, RANKS_MAX, DAYS_SHOWN, report);
        if (r >= 0)
                r = put_models(q, report);
        put_formula(report);
        put_method(report);
        put_hint(ret->json, q, &sum);
        return r;
}

/* --- dashboard --- */

int make_dashboard(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        json_object *dashboard = json_object_new_object();
        uint64_t to = q->window.to;
        int r;

        ret->json = json_object_new_object();
        put(ret->json, "dashboard", dashboard);
        r = sum_calls(q, &q->window, false, &sum);
        if (r >= 0)
                r = put_summary(q, &(Window) { .from = (to - 1) - (to - 1) % DAY_USEC, .to = to }, dashboard, "today");
        if (r >= 0)
                r = put_summary(q, &(Window) { .from = to - DAY_USEC, .to = to }, dashboard, "last24Hours");
        if (r < 0)
                return r;
        put(dashboard, "window", window_to_json(&q->window));
        put(dashboard, "period", summary_of(&sum));
        r = put_period(q, &sum, DASHBOARD_ROWS, DASHBOARD_DAYS, dashboard);
        put_formula(dashboard);
        put_method(dashboard);
        put_hint(ret->json, q, &sum);
        return r;
}
