/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

#include "basic/time-util.h"

TestSuite(ledger_limit, .init = ledger_set_up, .fini = ledger_tear_down);

static uint64_t time_of(const char *text) {
        uint64_t at;

        cr_assert_eq(parse_iso8601(text, &at), 0, "%s", text);
        return at;
}

static int64_t create_key(const char *name) {
        char text[LEDGER_KEY_TEXT_MAX];
        LedgerKey key;

        cr_assert_eq(ledger_create_key(ledger, name, NULL, BEGIN, text), 0);
        cr_assert_eq(ledger_find_key(ledger, text, &key), 0);
        return key.id;
}

/* Each scope in each window: full to the last nano-dollar is allowed, one more is not, and others go on. */
Test(ledger_limit, each_holds_at_its_edge) {
        static const struct {
                const char *scope, *subject;
        } scopes[] = { { "total", "" }, { "provider", "openai" }, { "user", "ada" }, { "key", "k1" } };
        static const char *const windows[] = { "minute", "day", "month" };
        int64_t key = create_key("k1"), request = add_request(key, "ada"), other = add_request(0, NULL);
        unsigned n = 0, of_other = 0;

        for (size_t i = 0; i < ELEMENTSOF(scopes); i++)
                for (size_t j = 0; j < ELEMENTSOF(windows); j++) {
                        const char *scope = scopes[i].scope, *subject = scopes[i].subject;
                        LedgerLimit now = usage(scope, subject, windows[j], BEGIN);
                        int64_t used = now.settled + now.reserved;
                        LedgerRefusal refusal = {};

                        cr_expect_eq(now.hard, 0);
                        set_limit(scope, subject, windows[j], used + 100);
                        cr_expect_eq(reserve_at(request, n + 1, BEGIN, 101, &refusal), -EDQUOT, "%s %s", scope, windows[j]);
                        cr_expect_str_eq(refusal.scope, scope);
                        cr_expect_str_eq(refusal.subject, subject);
                        cr_expect_str_eq(refusal.window, windows[j]);
                        cr_expect_eq(refusal.limit, used + 100);
                        cr_expect_eq(refusal.settled, now.settled);
                        cr_expect_eq(refusal.reserved, now.reserved);
                        cr_expect_eq(refusal.resets, now.ends);
                        cr_expect_eq(reserve(request, ++n, 100), 0);
                        cr_expect_eq(reserve(request, n + 1, 1), -EDQUOT);
                        cr_expect_eq(reserve(request, ++n, 0), 0); /* what is free needs no room */
                        cr_expect_eq(settle(request, n - 1, 99), 0);
                        cr_expect_eq(reserve(request, ++n, 1), 0);
                        cr_expect_eq(reserve(request, n + 1, 1), -EDQUOT);
                        if (i >= 2) /* those without key and user are not its business */
                                cr_expect_eq(reserve(other, ++of_other, 1000), 0);
                        set_limit(scope, subject, windows[j], 0);
                        cr_expect_eq(ask("SELECT count(*) FROM budget_limit"), 0);
                }
        cr_expect_eq(ask("SELECT count(*) FROM attempt"), n + of_other);
        cr_expect_eq(ask("SELECT count(*) FROM attempt WHERE request = 1"), 36);
}

Test(ledger_limit, a_soft_one_holds_nothing_up) {
        int64_t request = add_request(0, NULL);
        LedgerLimit now;

        cr_assert_eq(ledger_set_limit(ledger, &(LedgerLimit) {
                .scope = "total", .subject = "", .window = "day", .soft = 10 }), 0);
        cr_expect_eq(reserve(request, 1, 100), 0);
        now = usage("total", "", "day", BEGIN);
        cr_expect_eq(now.hard, 0);
        cr_expect_eq(now.soft, 10);
        cr_expect_eq(now.reserved, 100);
        cr_expect_eq(now.calls, 1);
}

Test(ledger_limit, of_two_the_one_that_resets_last_is_told_and_the_most_special_first) {
        int64_t request = add_request(create_key("k1"), "ada");
        LedgerRefusal refusal;

        set_limit("total", "", "month", 5);
        set_limit("key", "k1", "minute", 1);
        cr_expect_eq(reserve_at(request, 1, BEGIN, 10, &refusal), -EDQUOT);
        cr_expect_str_eq(refusal.scope, "total");
        cr_expect_str_eq(refusal.window, "month");
        set_limit("key", "k1", "month", 6);
        set_limit("user", "ada", "month", 6);
        cr_expect_eq(reserve_at(request, 1, BEGIN, 10, &refusal), -EDQUOT);
        cr_expect_str_eq(refusal.scope, "key");
        cr_expect_eq(refusal.limit, 6);
        /* Of those in the way: the key's month has room for this. */
        cr_expect_eq(reserve_at(request, 1, BEGIN, 6, &refusal), -EDQUOT);
        cr_expect_str_eq(refusal.scope, "total");
        cr_expect_eq(ask("SELECT count(*) FROM attempt"), 0);
        cr_expect_eq(ask("SELECT count(*) FROM spent"), 0);
}

Test(ledger_limit, windows_begin_and_end_with_those_of_utc) {
        static const struct {
                const char *now, *window, *begins, *ends;
        } cases[] = {
                { "2025-11-29T10:14:59.999999Z", "minute", "2025-11-29T10:14:00Z", "2025-11-29T10:15:00Z" },
                { "2025-11-29T10:15:00Z", "minute", "2025-11-29T10:15:00Z", "2025-11-29T10:16:00Z" },
                { "2025-12-31T23:59:59.999999Z", "minute", "2025-12-31T23:59:00Z", "2026-01-01T00:00:00Z" },
                { "2025-11-29T23:59:59.999999Z", "day", "2025-11-29T00:00:00Z", "2025-11-30T00:00:00Z" },
                { "2025-11-30T00:00:00Z", "day", "2025-11-30T00:00:00Z", "2025-12-01T00:00:00Z" },
                { "2024-02-29T12:00:00Z", "day", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z" },
                { "2025-11-30T23:59:59.999999Z", "month", "2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z" },
                { "2025-12-01T00:00:00Z", "month", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z" },
                { "2025-12-31T23:59:59.999999Z", "month", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z" },
                { "2024-02-29T23:59:59Z", "month", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z" },
                { "2025-02-28T23:59:59Z", "month", "2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z" },
                { "1970-01-01T00:00:00Z", "month", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z" },
        };

        /* Whoever lives elsewhere has the same windows. */
        cr_assert_eq(setenv("TZ", "Pacific/Kiritimati", 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                LedgerLimit now = usage("total", "", cases[i].window, time_of(cases[i].now));

                cr_expect_eq(now.begins, time_of(cases[i].begins), "%s of %s", cases[i].window, cases[i].now);
                cr_expect_eq(now.ends, time_of(cases[i].ends), "%s of %s", cases[i].window, cases[i].now);
        }
}

Test(ledger_limit, is_free_again_in_the_next_window_and_full_until_then) {
        static const struct {
                const char *window, *last, *first;
        } cases[] = {
                { "minute", "2025-11-29T10:14:59.999999Z", "2025-11-29T10:15:00Z" },
                { "day", "2025-11-29T23:59:59.999999Z", "2025-11-30T00:00:00Z" },
                { "month", "2025-11-30T23:59:59.999999Z", "2025-12-01T00:00:00Z" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t last = time_of(cases[i].last), first = time_of(cases[i].first);
                int64_t request = add_request(0, cases[i].window); /* a user of its own */
                LedgerRefusal refusal = {};

                set_limit("user", cases[i].window, cases[i].window, 10);
                cr_expect_eq(reserve_at(request, 1, last, 10, NULL), 0);
                cr_expect_eq(reserve_at(request, 2, last, 1, &refusal), -EDQUOT);
                cr_expect_eq(refusal.resets, first);
                cr_expect_eq(reserve_at(request, 2, first, 10, NULL), 0);
                /* Settled in the next one, it counts in the one it was reserved in. */
                cr_expect_eq(settle(request, 1, 7), 0);
                cr_expect_eq(usage("user", cases[i].window, cases[i].window, last).settled, 7);
                cr_expect_eq(usage("user", cases[i].window, cases[i].window, first).settled, 0);
                cr_expect_eq(usage("user", cases[i].window, cases[i].window, first).reserved, 10);
        }
        cr_expect_eq(verify(), 0);
}

static int collect(const LedgerLimit *limit, void *userdata) {
        char *text = userdata;
        size_t n = strlen(text);

        (void) snprintf(text + n, 2048 - n, "%s %s %s %lld/%lld %lld+%lld in %lld; ", limit->scope, limit->subject,
                        limit->window, (long long) limit->hard, (long long) limit->soft, (long long) limit->settled,
                        (long long) limit->reserved, (long long) limit->calls);
        cr_expect_eq(usage(limit->scope, limit->subject, limit->window, BEGIN).ends, limit->ends);
        return 0;
}

static int stop(const LedgerLimit *limit, void *userdata) {
        return -ECANCELED;
}

Test(ledger_limit, all_are_told_in_order_with_what_was_used) {
        char text[2048] = "";
        int64_t request;

        cr_assert_eq(ledger_limits(ledger, BEGIN, stop, NULL), 0);
        set_limit("user", "ada", "day", 100);
        set_limit("total", "", "minute", 50);
        set_limit("total", "", "day", 60);
        cr_assert_eq(ledger_set_limit(ledger, &(LedgerLimit) {
                .scope = "user", .subject = "ada", .window = "day", .hard = 90, .soft = 80 }), 0);
        set_limit("key", "k1", "month", 1);
        request = add_request(0, "ada");
        cr_assert_eq(reserve_at(request, 1, BEGIN - MINUTE, 10, NULL), 0); /* the minute before */
        cr_assert_eq(reserve(request, 2, 20), 0);
        cr_assert_eq(settle(request, 1, 3), 0);
        cr_assert_eq(ledger_limits(ledger, BEGIN, collect, text), 0);
        cr_expect_str_eq(text, "key k1 month 1/0 0+0 in 0; total  day 60/0 3+20 in 2; total  minute 50/0 0+20 in 1; "
                               "user ada day 90/80 3+20 in 2; ");
        cr_expect_eq(ledger_limits(ledger, BEGIN, stop, NULL), -ECANCELED);
        cr_expect_eq(ledger_limits(ledger, UINT64_MAX, stop, NULL), -EINVAL);
}

Test(ledger_limit, what_can_be_none_is_refused) {
        char longer[LEDGER_NAME_MAX + 2];
        LedgerLimit unused = { .hard = 7 };

        memset(longer, 'x', sizeof(longer));
        longer[LEDGER_NAME_MAX + 1] = '\0';
#define EXPECT_REFUSED(...) cr_expect_eq(ledger_set_limit(ledger, &(LedgerLimit) { __VA_ARGS__ }), -EINVAL, #__VA_ARGS__)
        EXPECT_REFUSED(.scope = "total", .subject = "x", .window = "day", .hard = 1);
        EXPECT_REFUSED(.scope = "total", .subject = NULL, .window = "day", .hard = 1);
        EXPECT_REFUSED(.scope = "user", .subject = "", .window = "day", .hard = 1);
        EXPECT_REFUSED(.scope = "user", .subject = longer, .window = "day", .hard = 1);
        EXPECT_REFUSED(.scope = "group", .subject = "x", .window = "day", .hard = 1);
        EXPECT_REFUSED(.scope = NULL, .subject = "x", .window = "day", .hard = 1);
        EXPECT_REFUSED(.scope = "user", .subject = "x", .window = "week", .hard = 1);
        EXPECT_REFUSED(.scope = "user", .subject = "x", .window = NULL, .hard = 1);
        EXPECT_REFUSED(.scope = "user", .subject = "x", .window = "day", .hard = -1);
        EXPECT_REFUSED(.scope = "user", .subject = "x", .window = "day", .soft = -1);
        EXPECT_REFUSED(.scope = "user", .subject = "x", .window = "day", .hard = LEDGER_MONEY_MAX + 1);
        cr_expect_eq(ask("SELECT count(*) FROM budget_limit"), 0);
        set_limit("user", "x", "day", LEDGER_MONEY_MAX);
        cr_expect_eq(ask("SELECT count(*) FROM budget_limit"), 1);
        cr_expect_eq(ledger_usage(ledger, "user", "", "day", BEGIN, &unused), -EINVAL);
        cr_expect_eq(ledger_usage(ledger, "user", "x", "day", UINT64_MAX, &unused), -EINVAL);
        cr_expect_eq(unused.hard, 7);
}

static bool exhausted(int64_t amount, uint64_t at) {
        bool answer = false;

        cr_assert_eq(ledger_provider_exhausted(ledger, "openai", amount, at, &answer), 0);
        return answer;
}

Test(ledger_limit, a_provider_is_exhausted_exactly_when_it_would_be_refused) {
        int64_t request = add_request(0, "ada");
        bool answer = true;

        cr_expect_not(exhausted(LEDGER_MONEY_MAX, BEGIN));
        set_limit("user", "ada", "day", 1); /* not the provider's, so no reason to leave that out */
        cr_expect_not(exhausted(100, BEGIN));
        set_limit("user", "ada", "day", 0);
        set_limit("provider", "other", "day", 1);
        cr_expect_not(exhausted(100, BEGIN));
        set_limit("provider", "openai", "day", 100);
        cr_expect_not(exhausted(100, BEGIN));
        cr_expect(exhausted(101, BEGIN));
        cr_assert_eq(reserve(request, 1, 60), 0);
        cr_expect_not(exhausted(40, BEGIN));
        cr_expect(exhausted(41, BEGIN));
        cr_expect_not(exhausted(41, BEGIN + DAY));
        set_limit("total", "", "minute", 70);
        cr_expect_not(exhausted(10, BEGIN));
        cr_expect(exhausted(11, BEGIN));
        cr_expect_eq(ledger_provider_exhausted(ledger, "", 1, BEGIN, &answer), -EINVAL);
        cr_expect_eq(ledger_provider_exhausted(ledger, "openai", -1, BEGIN, &answer), -EINVAL);
        cr_expect(answer);
}

Test(ledger_limit, sums_stay_below_what_can_be_held) {
        int64_t request = add_request(0, NULL);

        cr_expect_eq(reserve(request, 1, LEDGER_MONEY_MAX - 5), 0);
        cr_expect_eq(reserve(request, 2, 6), -EOVERFLOW);
        cr_expect_eq(reserve(request, 2, 5), 0);
        cr_expect_eq(settle(request, 2, 6), -EOVERFLOW);
        cr_expect_eq(usage("total", "", "month", BEGIN).reserved, LEDGER_MONEY_MAX);
        cr_expect_eq(reserve(request, 3, LEDGER_MONEY_MAX + 1), -EINVAL);
        cr_expect_eq(settle(request, 2, 5), 0);
        cr_expect_eq(settle(request, 1, 5), 0);
        cr_expect_eq(reserve(request, 3, 6), 0);
        cr_expect_eq(verify(), 0);
}
