/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

TestSuite(ledger_settle, .init = ledger_set_up, .fini = ledger_tear_down);

static void expect_spent(int64_t settled, int64_t reserved, int64_t calls) {
        static const char *const windows[] = { "minute", "day", "month" };

        for (size_t i = 0; i < ELEMENTSOF(windows); i++) {
                LedgerLimit total = usage("total", "", windows[i], BEGIN);
                LedgerLimit provider = usage("provider", "openai", windows[i], BEGIN);

                cr_expect_eq(total.settled, settled, "%s: %lld", windows[i], (long long) total.settled);
                cr_expect_eq(total.reserved, reserved, "%s: %lld", windows[i], (long long) total.reserved);
                cr_expect_eq(total.calls, calls, "%s: %lld", windows[i], (long long) total.calls);
                cr_expect_eq(provider.settled, settled);
                cr_expect_eq(provider.reserved, reserved);
                cr_expect_eq(provider.calls, calls);
        }
}

static size_t expire(uint64_t now, uint64_t *next) {
        size_t n = SIZE_MAX;

        cr_assert_eq(ledger_expire(ledger, now, &n, next), 0);
        return n;
}

Test(ledger_settle, what_was_reserved_goes_and_what_it_cost_counts) {
        int64_t request = add_request(0, NULL);

        cr_assert_eq(reserve(request, 1, 100), 0);
        cr_expect_eq(ask("SELECT total IS NULL AND status IS NULL AND error IS NULL AND cost = 0 FROM attempt"), 1);
        cr_expect_eq(ask("SELECT amount FROM reservation"), 100);
        expect_spent(0, 100, 1);
        cr_assert_eq(settle(request, 1, 30), 0);
        expect_spent(30, 0, 1);
        cr_expect_eq(ask("SELECT count(*) FROM reservation"), 0);
        cr_expect_eq(settle(request, 1, 30), -EALREADY);
        cr_expect_eq(settle(request, 2, 30), -ESRCH);
        cr_expect_eq(settle(request + 1, 1, 30), -ESRCH);
        expect_spent(30, 0, 1);
}

/* What was reserved is an upper bound as far as anybody knew: what it cost in the end counts all the same. */
Test(ledger_settle, what_cost_more_than_was_reserved_counts_as_it_is) {
        int64_t request = add_request(0, NULL);

        set_limit("total", "", "day", 100);
        cr_assert_eq(reserve(request, 1, 100), 0);
        cr_assert_eq(settle(request, 1, 150), 0);
        expect_spent(150, 0, 1);
        cr_expect_eq(reserve(request, 2, 1), -EDQUOT);
        cr_expect_eq(reserve(request, 2, 0), 0);
}

Test(ledger_settle, the_outcome_is_written_as_it_was) {
        int64_t request = add_request(0, NULL);
        LedgerOutcome outcome = {
                .request = request, .n = 1, .ttft = 11, .total = 22, .status = 429, .error = "http-429", .text = "slow down",
                .tokens = { .in = 5, .out = 4, .cached = 3, .cache_write = 2, .reasoning = 1, .reported = true }, .cost = 9,
        };

        cr_assert_eq(reserve(request, 1, 100), 0);
        cr_assert_eq(ledger_settle(ledger, &outcome), 0);
        cr_expect_str_eq(ask_text("SELECT status || error || text || ' ' || ttft || ' ' || total || ' ' || tokens_in || "
                                  "tokens_out || tokens_cached || tokens_cache_write || tokens_reasoning || reported || "
                                  "cost || provider || model || at FROM attempt"),
                         "429http-429slow down 11 22 5432119openaigpt-4o-mini1764411240000000");
        cr_assert_eq(reserve(request, 2, 100), 0);
        cr_assert_eq(ledger_settle(ledger, &(LedgerOutcome) { .request = request, .n = 2, .error = "connect" }), 0);
        cr_expect_eq(ask("SELECT status IS NULL AND ttft IS NULL AND text IS NULL AND total = 0 FROM attempt "
                         "WHERE n = 2"), 1);
}

static size_t text_length(const char *text) {
        static unsigned n;
        int64_t request = add_request(0, NULL);

        n++;
        cr_assert_eq(reserve(request, n, 0), 0);
        cr_assert_eq(ledger_settle(ledger, &(LedgerOutcome) {
                .request = request, .n = n, .error = "cut", .text = text }), 0);
        return (size_t) ask("SELECT length(CAST(text AS BLOB)) FROM attempt ORDER BY request DESC LIMIT 1");
}

Test(ledger_settle, a_long_text_is_cut_off_between_two_characters) {
        char text[LEDGER_TEXT_MAX + 8];

        memset(text, 'x', sizeof(text));
        text[LEDGER_TEXT_MAX] = '\0';
        cr_expect_eq(text_length(text), LEDGER_TEXT_MAX);
        text[LEDGER_TEXT_MAX] = 'x';
        text[LEDGER_TEXT_MAX + 1] = '\0';
        cr_expect_eq(text_length(text), LEDGER_TEXT_MAX);
        memcpy(text + LEDGER_TEXT_MAX - 2, "\xe2\x82\xac", 4); /* a euro, of which two bytes have room */
        cr_expect_eq(text_length(text), LEDGER_TEXT_MAX - 2);
        memcpy(text + LEDGER_TEXT_MAX - 3, "\xe2\x82\xac", 4);
        cr_expect_eq(text_length(text), LEDGER_TEXT_MAX);
        memcpy(text + LEDGER_TEXT_MAX - 3, "\xe2\x82\xacy", 5);
        cr_expect_eq(text_length(text), LEDGER_TEXT_MAX);
        cr_expect_str_eq(ask_text("SELECT substr(text, -1) FROM attempt ORDER BY request DESC LIMIT 1"), "\xe2\x82\xac");
        cr_expect_eq(text_length("a\xff"), 2);
        cr_expect_str_eq(ask_text("SELECT text FROM attempt ORDER BY request DESC LIMIT 1"), "a?");
}

Test(ledger_settle, what_no_outcome_or_reservation_can_be_is_refused) {
        int64_t request = add_request(0, NULL);
        LedgerRefusal refusal;

#define EXPECT_OUTCOME_REFUSED(...)                                                                \
        cr_expect_eq(ledger_settle(ledger, &(LedgerOutcome) { .request = request, .n = 1, __VA_ARGS__ }), \
                     -EINVAL, #__VA_ARGS__)
#define EXPECT_RESERVE_REFUSED(error, field, value)                                                \
        do {                                                                                       \
                LedgerReserve v = { .request = request, .n = 2, .at = BEGIN, .expires = BEGIN,     \
                                    .provider = "p", .model = "m" };                               \
                v.field = value;                                                                   \
                cr_expect_eq(ledger_reserve(ledger, &v, &refusal), error, #field " = " #value);    \
        } while (0)
        cr_assert_eq(reserve(request, 1, 100), 0);
        EXPECT_OUTCOME_REFUSED(.cost = -1);
        EXPECT_OUTCOME_REFUSED(.cost = LEDGER_MONEY_MAX + 1);
        EXPECT_OUTCOME_REFUSED(.error = "");
        EXPECT_OUTCOME_REFUSED(.error = "No connection");
        EXPECT_OUTCOME_REFUSED(.error = "interrupted");
        EXPECT_OUTCOME_REFUSED(.error = "released");
        EXPECT_OUTCOME_REFUSED(.ttft = UINT64_MAX);
        EXPECT_OUTCOME_REFUSED(.total = UINT64_MAX);
        EXPECT_OUTCOME_REFUSED(.tokens = { .in = -1, .reported = true });
        EXPECT_OUTCOME_REFUSED(.tokens = { .reasoning = -1, .reported = true });
        EXPECT_RESERVE_REFUSED(-EINVAL, n, 0);
        EXPECT_RESERVE_REFUSED(-EINVAL, at, BEGIN + 1);
        EXPECT_RESERVE_REFUSED(-EINVAL, expires, UINT64_MAX);
        EXPECT_RESERVE_REFUSED(-EINVAL, provider, NULL);
        EXPECT_RESERVE_REFUSED(-EINVAL, model, "");
        EXPECT_RESERVE_REFUSED(-EINVAL, price, -1);
        EXPECT_RESERVE_REFUSED(-ESRCH, price, 99);
        EXPECT_RESERVE_REFUSED(-EINVAL, amount, -1);
        EXPECT_RESERVE_REFUSED(-EEXIST, n, 1);
        cr_expect_eq(ledger_release(ledger, request, 1, "interrupted"), -EINVAL);
        cr_expect_eq(ledger_expire(ledger, UINT64_MAX, NULL, NULL), -EINVAL);
        expect_spent(0, 100, 1);
        cr_expect_eq(ask("SELECT count(*) FROM attempt WHERE total IS NULL"), 1);
        cr_expect_eq(verify(), 0);
}

Test(ledger_settle, what_was_never_sent_costs_nothing) {
        int64_t request = add_request(0, NULL);

        cr_assert_eq(reserve(request, 1, 100), 0);
        cr_assert_eq(reserve(request, 2, 50), 0);
        cr_assert_eq(ledger_release(ledger, request, 1, NULL), 0);
        cr_assert_eq(ledger_release(ledger, request, 2, "cancelled"), 0);
        expect_spent(0, 0, 2);
        cr_expect_str_eq(ask_text("SELECT group_concat(error || total || cost) FROM attempt"), "released00,cancelled00");
        cr_expect_eq(ledger_release(ledger, request, 1, NULL), -EALREADY);
        cr_expect_eq(ledger_release(ledger, request, 3, NULL), -ESRCH);
        cr_expect_eq(settle(request, 1, 5), -EALREADY);
        expect_spent(0, 0, 2);
        cr_expect_eq(verify(), 0);
}

Test(ledger_settle, a_reservation_expires_at_its_time_and_not_before) {
        int64_t request = add_request(0, NULL);
        uint64_t next = 7;

        cr_expect_eq(expire(BEGIN, &next), 0);
        cr_expect_eq(next, UINT64_MAX);
        cr_assert_eq(reserve(request, 1, 100), 0);
        cr_assert_eq(reserve_at(request, 2, BEGIN + SECOND, 10, NULL), 0);
        cr_expect_eq(expire(BEGIN + 10 * MINUTE - 1, &next), 0);
        cr_expect_eq(next, BEGIN + 10 * MINUTE);
        expect_spent(0, 110, 2);
        cr_expect_eq(expire(BEGIN + 10 * MINUTE, &next), 1);
        cr_expect_eq(next, BEGIN + 10 * MINUTE + SECOND);
        expect_spent(0, 10, 2);
        cr_expect_str_eq(ask_text("SELECT error || total || ' ' || cost FROM attempt WHERE n = 1"),
                         "interrupted600000000 0");
        cr_expect_eq(ledger_release(ledger, request, 1, NULL), -ENOENT);
        cr_expect_eq(verify(), 0);
        cr_assert_eq(ledger_expire(ledger, BEGIN + DAY, NULL, NULL), 0);
        expect_spent(0, 0, 2);
}

Test(ledger_settle, more_expire_than_are_done_at_once) {
        int64_t request = add_request(0, NULL);

        cr_assert_eq(ledger_begin(ledger), 0);
        for (unsigned n = 1; n <= 128 + 1; n++)
                cr_assert_eq(reserve(request, n, 1), 0);
        cr_assert_eq(ledger_commit(ledger), 0);
        cr_expect_eq(expire(BEGIN + DAY, NULL), 129);
        cr_expect_eq(ask("SELECT count(*) FROM attempt WHERE error = 'interrupted'"), 129);
        expect_spent(0, 0, 129);
}

Test(ledger_settle, what_comes_after_it_expired_counts_once) {
        int64_t request = add_request(0, NULL);

        set_limit("total", "", "day", 100);
        cr_assert_eq(reserve(request, 1, 100), 0);
        cr_expect_eq(expire(BEGIN + DAY, NULL), 1);
        cr_assert_eq(reserve(request, 2, 100), 0); /* its room was given away meanwhile */
        cr_expect_eq(settle(request, 1, 30), -ENOENT);
        expect_spent(30, 100, 2);
        cr_expect_eq(ask("SELECT cost FROM attempt WHERE n = 1 AND error IS NULL AND status = 200"), 30);
        cr_expect_eq(settle(request, 1, 30), -EALREADY);
        expect_spent(30, 100, 2);
        cr_expect_eq(expire(BEGIN + DAY, NULL), 1);
        expect_spent(30, 0, 2);

        /* As a part of somebody's transaction it is kept with that. */
        cr_assert_eq(ledger_begin(ledger), 0);
        cr_expect_eq(settle(request, 2, 5), -ENOENT);
        cr_assert_eq(ledger_commit(ledger), 0);
        expect_spent(35, 0, 2);
}

/* Nobody is kept from writing, or waited for, by one who looks whether anything has expired. */
Test(ledger_settle, looking_for_what_has_expired_writes_nothing) {
        uint64_t next = 0;
        Ledger *l = NULL;
        size_t n = 7;

        cr_assert_eq(reserve(add_request(0, NULL), 1, 1), 0);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &l), 0);
        cr_assert_eq(ledger_begin(l), 0);
        cr_expect_eq(ledger_expire(ledger, BEGIN, &n, &next), 0);
        cr_expect_eq(n, 0);
        cr_expect_eq(next, BEGIN + 10 * MINUTE);
        l = ledger_free(l);
}

Test(ledger_settle, a_reservation_that_is_extended) {
        int64_t request = add_request(0, NULL);
        uint64_t expires, next = 0;

        cr_assert_eq(reserve(request, 1, 100), 0);
        expires = (uint64_t) ask("SELECT expires FROM reservation");
        cr_expect_eq(ledger_extend(ledger, request, 1, expires + 1000), 0);
        cr_expect_eq(expire(expires, &next), 0);
        cr_expect_eq(next, expires + 1000);
        cr_expect_eq(ledger_extend(ledger, request, 2, expires), -ENOENT);
        cr_expect_eq(ledger_extend(ledger, request, 1, UINT64_MAX), -EINVAL);
        cr_expect_eq(expire(expires + 1000, &next), 1);
        cr_expect_eq(ledger_extend(ledger, request, 1, expires + 2000), -ENOENT);
        expect_spent(0, 0, 1);
}
