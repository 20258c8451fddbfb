/* SPDX-License-Identifier: MIT */
#include "kinds.h"
#include "ledger/ledger.h"

/* GET /api/v1/reports/ai-comparison, and /latest: of the last 24 hours that have calls. Each provider beside each other,
 * with what graders and matches said of them. */

/* Neither table has an index by time, so the newest rows are looked through. */
#define GRADES_MAX "20000"

static int ask(const Question *q, const Window *w, const char *sql, void (*tell)(sqlite3_stmt *s, json_object *list),
               json_object *list) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        if (!q->ledger)
                return 0;
        r = ledger_ask(q->ledger, &s, sql, "uu", w->from, w->to);
        while (r >= 0 && (r = ledger_next(s)) > 0)
                tell(s, list);
        return r;
}

static void tell_grade(sqlite3_stmt *s, json_object *list) {
        json_object *json = json_object_new_object();

        put_text(json, "provider", (const char *) sqlite3_column_text(s, 0));
        put(json, "grades", json_object_new_int64(sqlite3_column_int64(s, 1)));
        put(json, "meanScore", number_share(sqlite3_column_double(s, 2)));
        push(list, json);
}

static void tell_match(sqlite3_stmt *s, json_object *list) {
        json_object *json = json_object_new_object();

        put_text(json, "name", (const char *) sqlite3_column_text(s, 0));
        put(json, "wins", json_object_new_int64(sqlite3_column_int64(s, 1)));
        put(json, "losses", json_object_new_int64(sqlite3_column_int64(s, 2)));
        put(json, "ties", json_object_new_int64(sqlite3_column_int64(s, 3)));
        push(list, json);
}

static int put_grades(const Question *q, const Window *w, json_object *json) {
        json_object *grades = json_object_new_array(), *matches = json_object_new_array();
        int r;

        put(json, "grades", grades);
        put(json, "matches", matches);
        r = ask(q, w, "SELECT a.provider, count(*), avg(g.score) FROM (SELECT request, at, score FROM grade ORDER BY id "
                      "DESC LIMIT " GRADES_MAX ") g JOIN attempt a ON a.request = g.request AND a.error IS NULL AND "
                      "a.total NOT NULL WHERE g.at >= ? AND g.at < ? GROUP BY a.provider ORDER BY a.provider",
                tell_grade, grades);
        if (r < 0)
                return r;
        return ask(q, w, "WITH m AS (SELECT a, b, winner FROM (SELECT * FROM match ORDER BY id DESC LIMIT " GRADES_MAX ") "
                         "WHERE at >= ? AND at < ?), side AS (SELECT a AS name, winner = 'a' AS won, winner = 'b' AS lost, "
                         "winner = 'tie' AS tied FROM m UNION ALL SELECT b, winner = 'b', winner = 'a', winner = 'tie' "
                         "FROM m) SELECT name, sum(won), sum(lost), sum(tied) FROM side GROUP BY name ORDER BY name",
                   tell_match, matches);
}

/* Which of the two a test says to be better; NULL for neither. */
static const char *winner(const Standing *a, const Standing *b, bool did, const TestResult *t, bool greater,
                          unsigned tests) {
        if (!did || t->z == 0 || t->p * tests >= ALPHA)
                return NULL;
        return (t->z > 0) == greater ? a->provider : b->provider;
}

static json_object *pair_to_json(const Standing *a, const Standing *b, const Tests *t, unsigned tests) {
        json_object *json = json_object_new_object();

        put_text(json, "a", a->provider);
        put_text(json, "b", b->provider);
        put_text(json, "moreReliable", winner(a, b, t->success.did, &t->success.result, true, tests));
        put_text(json, "faster", winner(a, b, t->latency.did, &t->latency.result, false, tests));
        put_text(json, "cheaper", winner(a, b, t->cost.did, &t->cost.result, false, tests));
        put(json, "tests", tests_to_json(t));
        return json;
}

static json_object *pairs_to_json(const Standing *s, size_t n, unsigned *ret_tests) {
        json_object *pairs = json_object_new_array();
        unsigned tests = 0;
        Tests t;

        for (size_t i = 0; i < n; i++)
                for (size_t k = i + 1; k < n; k++) {
                        test_all(s[i].figures, s[k].figures, &t);
                        tests += tests_count(&t);
                }
        for (size_t i = 0; i < n; i++)
                for (size_t k = i + 1; k < n; k++) {
                        test_all(s[i].figures, s[k].figures, &t);
                        push(pairs, pair_to_json(s + i, s + k, &t, tests));
                }
        *ret_tests = tests;
        return pairs;
}

static int compare(const Question *q, const Window *w, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        _cleanup_(freep) Standing *standings = NULL;
        json_object *comparison = json_object_new_object();
        unsigned tests;
        size_t n;
        int r;

        ret->json = json_object_new_object();
        put(ret->json, "comparison", comparison);
        r = sum_calls(q, w, false, &sum);
        if (r >= 0)
                r = standings_new(&sum, &standings);
        if (r < 0)
                return r;
        n = MIN(sum.n, q->limit);
        ret->rows = standings_to_json(standings, n, n);
        put(comparison, "providers", json_object_get(ret->rows));
        put(comparison, "pairs", pairs_to_json(standings, n, &tests));
        put(comparison, "tests", json_object_new_int64(tests));
        put_text(comparison, "significance", "a pair names a winner when p * tests < 0.05 (Bonferroni)");
        r = put_grades(q, w, comparison);
        put(comparison, "window", window_to_json(w));
        put_formula(comparison);
        put_method(comparison);
        put_hint(ret->json, q, &sum);
        return r;
}

int make_comparison(const Question *q, Answer *ret) {
        return compare(q, &q->window, ret);
}

int make_latest_comparison(const Question *q, Answer *ret) {
        uint64_t from, to = 0;

        if (q->tally)
                tally_span(q->tally, &from, &to);
        return compare(q, to > DAY_USEC ? &(Window) { .from = to - DAY_USEC, .to = to } : &q->window, ret);
}
