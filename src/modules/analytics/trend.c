/* SPDX-License-Identifier: MIT */

/* One figure of a user, day by day. */

#include "analytics.h"

#include "basic/string-util.h"

/* ?1 the user, ?2 and ?3 the first and the last day. */
#define SERIES(value, from, empty)                                                                                       \
        "WITH RECURSIVE day (day) AS (SELECT ?2 UNION ALL SELECT day + 1 FROM day WHERE day < ?3),"                      \
        " value AS (SELECT q.at / " DAY " AS day, " value " AS v FROM " from " WHERE q.user = ?1"                        \
        " AND q.at >= ?2 * " DAY " AND q.at < (?3 + 1) * " DAY " GROUP BY 1),"                                           \
        " series AS (SELECT day.day, coalesce(v, " empty ") AS v FROM day LEFT JOIN value ON value.day = day.day)"
#define REQUESTS "request q"
#define ATTEMPTS "request q JOIN attempt a ON a.request = q.id"

static const struct {
        const char *name, *series, *kind, *formula;
} metrics[] = {
        { "requests", SERIES("count(*)", REQUESTS, "0"), "", "requests that came on the day" },
        { "sessions", SERIES("count(DISTINCT session)", REQUESTS, "0"), "", "different sessions among the day's requests" },
        { "tokens", SERIES("sum(coalesce(tokens_in, 0) + coalesce(tokens_out, 0))", ATTEMPTS, "0"), "",
          "tokens in and out of all attempts of the day's requests" },
        { "cost", SERIES("sum(coalesce(a.cost, 0))", ATTEMPTS, "0"), ":usd", "USD of all attempts of the day's requests" },
        { "latency", SERIES("avg(CASE WHEN " SUCCEEDED " THEN ended - at END)", REQUESTS, "NULL"), ":ms",
          "mean time from request to end, in ms, of requests answered with 2xx; null on a day without" },
        { "successRate", SERIES(SUCCESS_RATE, REQUESTS, "NULL"), ":number", SUCCESS_FORMULA "; null on a day without" },
};

const char *const trend_metrics[] = { "requests", "sessions", "tokens", "cost", "latency", "successRate", NULL };

#define SLOPE                                                                                                            \
        " SELECT (n * xy - x * y) / nullif(n * xx - x * x, 0) AS \"slope%s\" FROM (SELECT 1.0 * count(*) AS n,"          \
        " sum(x) AS x, sum(v) AS y, sum(x * v) AS xy, sum(x * x) AS xx"                                                  \
        " FROM (SELECT 1.0 * (day - ?2) AS x, 1.0 * v AS v FROM series WHERE v IS NOT NULL))"

static void add_series(Answer *trend, Ledger *l, size_t i, const char *user, int64_t first, int64_t last) {
        const char *series = metrics[i].series, *kind = metrics[i].kind;
        _cleanup_(freep) char *days = NULL, *slope = NULL;

        days = str_printf("%s SELECT day AS \"day:date\", v AS \"value%s\" FROM series ORDER BY day", series, kind);
        slope = str_printf("%s" SLOPE, series, *kind ? kind : ":number");
        if (!days || !slope) {
                trend->error = -ENOMEM;
                return;
        }
        answer_rows(trend, "days", l, days, "tii", user, first, last);
        answer_row(trend, NULL, l, slope, "tii", user, first, last);
}

void add_trend(Answer *a, Ledger *l, const char *user, const char *metric, unsigned long days) {
        int64_t today = day_of_today();
        Answer trend = answer_new();
        size_t i = 0;

        while (!streq(metrics[i].name, metric))
                i++;
        answer_text(&trend, "metric", metric);
        add_series(&trend, l, i, user, today - (int64_t) days + 1, today);
        answer_text(&trend, "formula", metrics[i].formula);
        answer_text(&trend, "slopeFormula", "change a day: least squares over the days that have a value; null with fewer"
                                            " than two");
        answer_object(a, "trend", &trend);
}
