/* SPDX-License-Identifier: MIT */

/* What one user did, and how engaged that is. */

#include "analytics.h"

#include "basic/time-util.h"

int64_t day_of_today(void) {
        return (int64_t) now_realtime_usec() / USEC_PER_DAY;
}

static int is_known(Ledger *l, const char *user, int64_t *ret) {
        return ledger_number(l, ret, "SELECT EXISTS (SELECT 1 FROM request WHERE user = ?1)"
                             " OR EXISTS (SELECT 1 FROM event WHERE user = ?1)", "t", user);
}

void add_hint_if_unknown(Answer *a, Ledger *l, const char *user) {
        int64_t known = 0;

        if (a->error >= 0)
                a->error = is_known(l, user, &known);
        if (!known)
                answer_text(a, "hint", "nothing in the ledger names this user: a request says who it is for in its field"
                                       " \"user\"");
}

/* --- Figures of all time --- */

void add_user_metrics(Answer *a, Ledger *l, const char *user) {
        Answer metrics = answer_new();

        answer_row(&metrics, NULL, l,
                   "SELECT count(*) AS requests, coalesce(sum(" SUCCEEDED "), 0) AS successfulRequests,"
                   " coalesce(sum(status IS NULL), 0) AS running, " SUCCESS_RATE " AS \"successRate:number\","
                   " coalesce(sum(cache IN ('hit', 'joined')), 0) AS cachedRequests, count(DISTINCT session) AS sessions,"
                   " avg(CASE WHEN " SUCCEEDED " THEN ended - at END) AS \"avgLatency:ms\""
                   " FROM request WHERE user = ?1", "t", user);
        answer_row(&metrics, NULL, l,
                   "WITH " ACTIVITY " SELECT count(DISTINCT day) AS activeDays FROM activity WHERE user = ?1", "t", user);
        answer_row(&metrics, NULL, l,
                   "SELECT min(at) AS \"firstSeen:time\", max(at) AS \"lastSeen:time\" FROM (SELECT at FROM request WHERE"
                   " user = ?1"
                   " UNION ALL SELECT at FROM event WHERE user = ?1 AND kind <> 'badge')", "t", user);
        answer_row(&metrics, NULL, l,
                   "SELECT count(*) AS attempts, coalesce(sum(tokens_in), 0) AS tokensIn, coalesce(sum(tokens_out), 0) AS"
                   " tokensOut,"
                   " coalesce(sum(a.cost), 0) AS \"cost:usd\" FROM request q JOIN attempt a ON a.request = q.id"
                   " WHERE q.user = ?1", "t", user);
        answer_rows(&metrics, "models", l,
                    "SELECT provider, model, count(*) AS attempts, coalesce(sum(a.cost), 0) AS \"cost:usd\""
                    " FROM request q JOIN attempt a ON a.request = q.id WHERE q.user = ?1"
                    " GROUP BY provider, model ORDER BY attempts DESC, provider, model LIMIT 100", "t", user);
        answer_text(&metrics, "formula", SUCCESS_FORMULA "; avgLatency: mean of those, from request to end, in ms");
        answer_object(a, "metrics", &metrics);
}

/* --- Streaks --- */

/* Days in a row have the same difference to their number in order. */
void add_streak(Answer *a, Ledger *l, const char *user) {
        Answer streak = answer_new();

        answer_row(&streak, NULL, l,
                   "WITH " ACTIVITY ","
                   " day AS (SELECT DISTINCT day FROM activity WHERE user = ?1 AND day <= ?2),"
                   " run AS (SELECT day, day - row_number() OVER (ORDER BY day) AS start FROM day),"
                   " whole AS (SELECT count(*) AS n, max(day) AS last FROM run GROUP BY start)"
                   " SELECT coalesce(max(CASE WHEN last >= ?2 - 1 THEN n END), 0) AS current, coalesce(max(n), 0) AS"
                   " longest,"
                   " max(last) AS \"lastDay:date\" FROM whole", "ti", user, day_of_today());
        answer_text(&streak, "formula", "UTC days in a row with a request or an event; current: the row that reaches today"
                                        " or yesterday");
        answer_object(a, "streak", &streak);
}

/* --- Engagement --- */

#define ENGAGEMENT_FORMULA                                                                                    \
        "score = 40 x activeDays / 30 + 30 x min(1, requests / 100) + 20 x min(1, currentStreak / 7)"         \
        " + 10 x min(1, sessions / 20), over the 30 UTC days that end with today"

/* ?1: today. */
#define ENGAGEMENT(filter)                                                                                               \
        "WITH " ACTIVITY ","                                                                                             \
        " recent AS (SELECT * FROM activity WHERE day BETWEEN ?1 - 29 AND ?1" filter "),"                                \
        " day AS (SELECT DISTINCT user, day FROM recent),"                                                               \
        " run AS (SELECT user, day, day - row_number() OVER (PARTITION BY user ORDER BY day) AS start FROM day),"        \
        " whole AS (SELECT user, count(*) AS n, max(day) AS last FROM run GROUP BY user, start),"                        \
        " streak AS (SELECT user, n FROM whole WHERE last >= ?1 - 1),"                                                   \
        " figure AS (SELECT user, count(DISTINCT day) AS activeDays, sum(call) AS requests,"                             \
        " count(DISTINCT session) AS sessions FROM recent GROUP BY user),"                                               \
        " engagement AS (SELECT f.user, activeDays, requests, sessions, coalesce(n, 0) AS currentStreak,"                \
        " 40 * activeDays / 30.0 + 30 * min(1, requests / 100.0) + 20 * min(1, coalesce(n, 0) / 7.0)"                    \
        " + 10 * min(1, sessions / 20.0) AS score FROM figure f LEFT JOIN streak s ON s.user = f.user)"

void add_engagement(Answer *a, Ledger *l, const char *user) {
        Answer engagement = { .json = NULL };
        int64_t known = 0;

        if (a->error >= 0)
                a->error = is_known(l, user, &known);
        if (known) {
                engagement = answer_new();
                answer_row(&engagement, NULL, l,
                           ENGAGEMENT(" AND user = ?2")
                           " SELECT coalesce(score, 0) AS \"score:number\", coalesce(activeDays, 0) AS activeDays,"
                           " coalesce(requests, 0) AS requests, coalesce(sessions, 0) AS sessions,"
                           " coalesce(currentStreak, 0) AS currentStreak"
                           " FROM (SELECT 1) LEFT JOIN engagement ON TRUE", "it", day_of_today(), user);
        }
        answer_object(a, "engagement", &engagement);
        answer_text(a, "formula", ENGAGEMENT_FORMULA);
}

void add_top_performers(Answer *a, Ledger *l, unsigned long limit) {
        answer_rows(a, "topPerformers", l,
                    ENGAGEMENT("")
                    " SELECT rank() OVER (ORDER BY score DESC) AS rank, user AS userId, score AS \"score:number\","
                    " activeDays,"
                    " requests, sessions, currentStreak FROM engagement ORDER BY score DESC, user LIMIT ?2", "ii",
                            day_of_today(),
                    (int64_t) limit);
        answer_text(a, "formula", ENGAGEMENT_FORMULA);
}
