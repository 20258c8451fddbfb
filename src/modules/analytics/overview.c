/* SPDX-License-Identifier: MIT */

/* All users together: totals, and how many of those who came stay. */

#include "analytics.h"
#include "foundation/json-util.h"

void add_global(Answer *a, Ledger *l) {
        Answer global = answer_new();

        answer_row(&global, NULL, l,
                   "WITH " ACTIVITY " SELECT count(DISTINCT user) AS users,"
                   " count(DISTINCT CASE WHEN day = ?1 THEN user END) AS activeToday,"
                   " count(DISTINCT CASE WHEN day > ?1 - 7 THEN user END) AS active7Days,"
                   " count(DISTINCT CASE WHEN day > ?1 - 30 THEN user END) AS active30Days,"
                   " 1.0 * count(DISTINCT CASE WHEN day = ?1 THEN user END)"
                   " / nullif(count(DISTINCT CASE WHEN day > ?1 - 30 THEN user END), 0) AS \"stickiness:number\""
                   " FROM activity WHERE day <= ?1", "i", day_of_today());
        answer_row(&global, NULL, l,
                   "SELECT count(*) AS requests, coalesce(sum(" SUCCEEDED "), 0) AS successfulRequests,"
                   " coalesce(sum(user IS NULL), 0) AS anonymousRequests, coalesce(sum(status IS NULL), 0) AS running,"
                   " coalesce(sum(cache IN ('hit', 'joined')), 0) AS cachedRequests,"
                   " " SUCCESS_RATE " AS \"successRate:number\","
                   " count(DISTINCT session) AS sessions, avg(CASE WHEN " SUCCEEDED " THEN ended - at END) AS"
                                                                                    " \"avgLatency:ms\""
                   " FROM request", "");
        answer_row(&global, NULL, l,
                   "SELECT count(*) AS attempts, coalesce(sum(tokens_in), 0) AS tokensIn, coalesce(sum(tokens_out), 0) AS"
                   " tokensOut,"
                   " coalesce(sum(cost), 0) AS \"cost:usd\" FROM attempt", "");
        answer_text(&global, "formula", SUCCESS_FORMULA "; stickiness = activeToday / active30Days; a user is active on a"
                                                        " UTC day"
                    " with a request or an event");
        answer_object(a, "global", &global);
}

/* --- Retention --- */

/* 1970 began on a Thursday. ?1: today, ?2: how many weeks. A row for each cohort and each week since its first. */
#define RETENTION                                                                                                        \
        "WITH RECURSIVE " ACTIVITY ","                                                                                   \
        " k (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM k WHERE k + 1 < ?2),"                                           \
        " week AS MATERIALIZED (SELECT DISTINCT user, (day + 3) / 7 AS week FROM activity WHERE day <= ?1),"             \
        " cohort AS MATERIALIZED (SELECT user, min(week) AS first FROM week GROUP BY user),"                             \
        " size AS (SELECT first, count(*) AS users FROM cohort WHERE first > (?1 + 3) / 7 - ?2 GROUP BY first),"         \
        " cell AS MATERIALIZED (SELECT first, week - first AS k, count(*) AS n FROM cohort c JOIN week w"                \
        " ON w.user = c.user GROUP BY 1, 2)"                                                                             \
        " SELECT size.first, users, coalesce(n, 0) FROM size JOIN k ON size.first + k.k <= (?1 + 3) / 7"                 \
        " LEFT JOIN cell ON cell.first = size.first AND cell.k = k.k ORDER BY size.first, k.k"

typedef struct Cohort {
        int64_t first;
        json_object *active, *rate; /* the list's */
} Cohort;

static int begin_cohort(json_object *list, int64_t first, int64_t users, Cohort *ret) {
        Cohort c = { .first = first, .active = json_object_new_array(), .rate = json_object_new_array() };
        Answer row = answer_new();

        answer_add(&row, "week", json_date(first * 7 - 3));
        answer_number(&row, "users", users);
        answer_add(&row, "active", c.active);
        answer_add(&row, "retention", c.rate);
        if (row.error < 0 || !c.active || !c.rate || json_object_array_add(list, row.json) < 0) {
                answer_done(&row);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

static int add_cells(json_object *list, sqlite3_stmt *s) {
        Cohort cohort = { .active = NULL };
        int r = 0;

        while (r >= 0 && (r = ledger_next(s)) > 0) {
                int64_t first = sqlite3_column_int64(s, 0), users = sqlite3_column_int64(s, 1),
                        n = sqlite3_column_int64(s, 2);

                if (!cohort.active || cohort.first != first)
                        r = begin_cohort(list, first, users, &cohort);
                if (r >= 0 && (json_object_array_add(cohort.active, json_object_new_int64(n)) < 0 ||
                               json_object_array_add(cohort.rate, json_rounded((double) n / (double) users)) < 0))
                        r = -ENOMEM;
        }
        return r;
}

void add_retention(Answer *a, Ledger *l, unsigned long weeks) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        json_object *list = json_object_new_array();
        Answer retention = answer_new();
        int r = list ? 0 : -ENOMEM;

        if (r >= 0)
                r = ledger_ask(l, &s, RETENTION, "ii", day_of_today(), (int64_t) weeks);
        if (r >= 0)
                r = add_cells(list, s);
        answer_add(&retention, "cohorts", list);
        answer_text(&retention, "formula", "cohort: users by the UTC week (from Monday) of their first activity; active[k]:"
                                           " how many"
                    " of them were active k weeks later, retention[k] = active[k] / users");
        if (r < 0)
                retention.error = r;
        answer_object(a, "retention", &retention);
}
