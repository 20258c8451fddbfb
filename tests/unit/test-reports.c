/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json.h>
#include <math.h>

#include "basic/string-util.h"
#include "modules/reports/csv.h"
#include "modules/reports/scores.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define BEGIN (UINT64_C(490000) * HOUR_USEC)

static void add(Tally *t, const char *provider, unsigned hour, unsigned n, const Call *call) {
        for (unsigned i = 0; i < n; i++)
                cr_assert_eq(tally_add_call(t, BEGIN + hour * HOUR_USEC + i, provider, "m", call), 0);
}

static Call success(uint64_t ms, uint64_t tokens, int64_t cost) {
        return (Call) { .succeeded = true, .total = ms * USEC_PER_MSEC, .tokens_in = tokens, .priced = cost >= 0,
                        .cost = cost >= 0 ? (uint64_t) cost : 0 };
}

static Call failure(const char *word) {
        return (Call) { .error = call_error_of(word) };
}

static Sum sum_of(const Tally *t, unsigned from, unsigned to) {
        Sum s;

        cr_assert_eq(tally_sum(t, BEGIN + from * HOUR_USEC, BEGIN + to * HOUR_USEC, false, &s), 0);
        return s;
}

/* By hand: 24 of 30 succeed in 200 ms each, and cost 0.001 USD for 500 tokens: latency 100 - 20 = 80, success 80, 0.002
 * USD per 1,000 tokens: cost 100 - 0.02 = 99.98; overall 32 + 32 + 19.996. */
Test(scores, as_documented) {
        _cleanup_(tally_freep) Tally *t = NULL;
        _cleanup_(freep) Standing *s = NULL;
        Call good = success(200, 500, 1000000), bad = failure("http-500");
        Sum sum;

        cr_assert_eq(tally_new(&t), 0);
        add(t, "a", 0, 24, &good);
        add(t, "a", 1, 6, &bad);
        sum = sum_of(t, 0, 2);
        cr_assert_eq(standings_new(&sum, &s), 0);
        cr_expect_float_eq(s[0].latency, 80, 1e-9);
        cr_expect_float_eq(s[0].success, 80, 1e-9);
        cr_expect_float_eq(s[0].cost, 99.98, 1e-9);
        cr_expect_float_eq(s[0].overall, 83.996, 1e-9);
        cr_expect_eq(s[0].rank, 1);
        sum_done(&sum);
}

/* Unknown is not free, too few is no rank, and no score is negative. */
Test(scores, what_is_not_known) {
        _cleanup_(tally_freep) Tally *t = NULL;
        _cleanup_(freep) Standing *s = NULL;
        _cleanup_(json_object_putp) json_object *json = NULL;
        Call unpriced = success(100, 10, -1), slow = success(60000, 1, 50000000), bad = failure("connect");
        Sum sum;

        cr_assert_eq(tally_new(&t), 0);
        add(t, "few", 0, SAMPLE_MIN - 1, &unpriced);
        add(t, "slow", 0, SAMPLE_MIN, &slow);
        add(t, "dead", 0, SAMPLE_MIN, &bad);
        add(t, "unpriced", 0, SAMPLE_MIN, &unpriced);
        sum = sum_of(t, 0, 1);
        cr_assert_eq(standings_new(&sum, &s), 0);
        cr_expect_str_eq(s[0].provider, "unpriced");
        cr_expect(isnan(s[0].cost));
        cr_expect_float_eq(s[0].overall, (0.4 * 90 + 0.4 * 100) / 0.8, 1e-9);
        cr_expect_str_eq(s[1].provider, "slow");
        cr_expect_eq(s[1].latency, 0);
        cr_expect_eq(s[1].cost, 0); /* 50 USD per 1,000 tokens */
        cr_expect_str_eq(s[2].provider, "dead");
        cr_expect_eq(s[2].overall, 0);
        cr_expect_str_eq(s[3].provider, "few");
        cr_expect_eq(s[3].rank, 0);
        json = standing_to_json(&s[3]);
        cr_expect_null(json_object_object_get(json, "rank"));
        cr_expect_str_eq(json_object_get_string(json_object_object_get(json, "status")), "insufficient-data");
        sum_done(&sum);
}

Test(tally, whole_hours_and_nobodys_fault) {
        _cleanup_(tally_freep) Tally *t = NULL;
        Call good = success(1, 1, -1), gone = failure("cancelled"), killed = failure("interrupted");
        Call never = failure("released");
        uint64_t from, to;
        Sum sum;

        cr_assert_eq(tally_new(&t), 0);
        tally_span(t, &from, &to);
        cr_expect_eq(to, 0);
        add(t, "a", 5, 3, &good);
        add(t, "a", 2, 2, &gone);
        add(t, "b", 5, 1, &killed);
        add(t, "b", 5, 1, &never);
        sum = sum_of(t, 0, 5);
        cr_expect_eq(sum.n, 1);
        cr_expect_eq(figures_judged(&sum.total), 0);
        cr_expect_eq(figures_calls(&sum.total), 2);
        cr_expect(isnan(figures_success_rate(&sum.total)));
        sum_done(&sum);
        cr_assert_eq(tally_forget_interrupted(t, BEGIN + 5 * HOUR_USEC, "b", "m", &killed), 0);
        sum = sum_of(t, 5, 6);
        cr_expect_eq(sum.n, 2);
        cr_expect_eq(figures_calls(&sum.total), 3);
        cr_expect_str_eq(sum.parts[1].provider, "b");
        sum_done(&sum);
        tally_span(t, &from, &to);
        cr_expect_eq(from, BEGIN + 2 * HOUR_USEC);
        cr_expect_eq(to, BEGIN + 6 * HOUR_USEC);
}

Test(figures, words_of_the_ledger) {
        static const struct {
                const char *word;
                CallError error;
        } words[] = {
                { "connect", ERROR_CONNECT },       { "timeout-first-byte", ERROR_TIMEOUT },
                { "http-429", ERROR_RATE_LIMITED }, { "http-404", ERROR_REFUSED },
                { "http-503", ERROR_SERVER },       { "cut", ERROR_CUT },
                { "malformed", ERROR_MALFORMED },   { "error-event", ERROR_EVENT },
                { "cancelled", ERROR_CANCELLED },   { "unsupported", ERROR_UNSUPPORTED },
                { "released", ERROR_RELEASED },     { "interrupted", ERROR_INTERRUPTED },
                { "something-new", ERROR_OTHER },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                cr_expect_eq(call_error_of(words[i].word), words[i].error, "%s", words[i].word);
}

static char *csv(const char *json, int (*make)(json_object *, char **, size_t *)) {
        _cleanup_(json_object_putp) json_object *parsed = json_tokener_parse(json);
        char *text = NULL;
        size_t size;

        cr_assert_not_null(parsed);
        cr_assert_eq(make(parsed, &text, &size), 0);
        cr_expect_eq(strlen(text), size);
        return text;
}

/* RFC 4180, 2: rules 1 to 3 and 5 to 7. */
Test(csv, rfc_4180) {
        _cleanup_(freep) char *text = csv("[{\"name\":\"a, \\\"b\\\"\",\"n\":1.50,\"in\":{\"x\":null,\"y\":true}},"
                                          "{\"name\":\"two\\nlines\",\"late\":[1,\"q\"]}]", csv_of_rows);

        cr_expect_str_eq(text, "name,n,in.x,in.y,late\r\n\"a, \"\"b\"\"\",1.50,,true,\r\n"
                               "\"two\nlines\",,,,\"[1,\"\"q\"\"]\"\r\n");
}

Test(csv, paths) {
        _cleanup_(freep) char *text = csv("{\"a\":{\"b\":[1,{\"c\":\"x,y\"}]},\"d\":null}", csv_of_paths);

        cr_expect_str_eq(text, "figure,value\r\na.b.0,1\r\na.b.1.c,\"x,y\"\r\nd,\r\n");
}
