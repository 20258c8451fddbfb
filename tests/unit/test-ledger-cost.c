/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

TestSuite(ledger_cost, .init = ledger_set_up, .fini = ledger_tear_down);

/* USD per million tokens in whole micro-USD make pico-USD a token. */
#define PER_MILLION(micro_usd) INT64_C(micro_usd)

static const LedgerPrice all = {
        .provider = "p", .model = "m", .source = "given",
        .input = PER_MILLION(3000000), .output = PER_MILLION(15000000), .cached = PER_MILLION(300000),
        .cache_write = PER_MILLION(3750000), .reasoning = PER_MILLION(20000000),
};
static const LedgerPrice plain = {
        .provider = "p", .model = "m", .source = "given",
        .input = PER_MILLION(150000), .output = PER_MILLION(600000), .cached = -1, .cache_write = -1, .reasoning = -1,
};

static void expect_cost(const LedgerPrice *price, LedgerTokens tokens, int result, int64_t expected) {
        int64_t cost = -7;

        cr_expect_eq(ledger_cost(price, &tokens, &cost), result, "%lld in, %lld out", (long long) tokens.in,
                     (long long) tokens.out);
        cr_expect_eq(cost, result < 0 ? -7 : expected, "%lld in, %lld out: %lld, not %lld", (long long) tokens.in,
                     (long long) tokens.out, (long long) cost, (long long) expected);
}

/* Figures by hand: tokens x USD per million = micro-USD; x 1000 = nano-USD. */
Test(ledger_cost, each_kind_of_token_has_its_price) {
        expect_cost(&all, (LedgerTokens) {}, 0, 0);
        expect_cost(&all, (LedgerTokens) { .in = 1000 }, 0, 3000000);
        expect_cost(&all, (LedgerTokens) { .out = 1000 }, 0, 15000000);
        expect_cost(&all, (LedgerTokens) { .in = 1000, .cached = 1000 }, 0, 300000);
        expect_cost(&all, (LedgerTokens) { .in = 1000, .cache_write = 1000 }, 0, 3750000);
        expect_cost(&all, (LedgerTokens) { .out = 1000, .reasoning = 1000 }, 0, 20000000);
        /* 2000 x 3 + 7000 x 0.3 + 1000 x 3.75 + 300 x 15 + 200 x 20 = 6000 + 2100 + 3750 + 4500 + 4000 = 20350 micro-USD */
        expect_cost(&all, (LedgerTokens) { .in = 10000, .cached = 7000, .cache_write = 1000, .out = 500, .reasoning = 200 },
                    0, 20350000);
}

/* (1234 x 0.15 + 567 x 0.60) = 185.1 + 340.2 = 525.3 micro-USD */
Test(ledger_cost, what_has_no_price_of_its_own_costs_as_the_kind_it_is_of) {
        expect_cost(&plain, (LedgerTokens) { .in = 1234, .out = 567 }, 0, 525300);
        expect_cost(&plain, (LedgerTokens) { .in = 1234, .cached = 1000, .cache_write = 200, .out = 567, .reasoning = 500 },
                    0, 525300);
}

Test(ledger_cost, zero_is_free) {
        LedgerPrice price = all;

        price.cached = price.cache_write = price.reasoning = 0;
        expect_cost(&price, (LedgerTokens) { .in = 10, .cached = 4, .cache_write = 5, .out = 8, .reasoning = 8 }, 0, 3000);
        expect_cost(&(LedgerPrice) {}, (LedgerTokens) { .in = 1000000, .out = 1000000 }, 0, 0);
}

/* 0.075 USD per million is 75000 pico-USD a token: 75 nano-USD, without a rest. Others have one. */
Test(ledger_cost, half_a_nano_dollar_is_one) {
        LedgerPrice price = { .input = 1, .output = 0 };

        expect_cost(&price, (LedgerTokens) { .in = 499 }, 0, 0);
        expect_cost(&price, (LedgerTokens) { .in = 500 }, 0, 1);
        expect_cost(&price, (LedgerTokens) { .in = 1499 }, 0, 1);
        expect_cost(&price, (LedgerTokens) { .in = 1500 }, 0, 2);
        price.output = 250; /* the sum is rounded, not each of its parts */
        expect_cost(&price, (LedgerTokens) { .in = 250, .out = 1 }, 0, 1);
        price.input = 75000;
        expect_cost(&price, (LedgerTokens) { .in = 1 }, 0, 75);
}

Test(ledger_cost, tokens_that_do_not_add_up_count_as_far_as_they_do) {
        /* 100 x 0.3 */
        expect_cost(&all, (LedgerTokens) { .in = 100, .cached = 101 }, 0, 30000);
        expect_cost(&all, (LedgerTokens) { .in = 100, .cached = INT64_MAX, .cache_write = INT64_MAX }, 0, 30000);
        /* 60 x 0.3 + 40 x 3.75 */
        expect_cost(&all, (LedgerTokens) { .in = 100, .cached = 60, .cache_write = 50 }, 0, 168000);
        /* 10 x 20 */
        expect_cost(&all, (LedgerTokens) { .out = 10, .reasoning = 11 }, 0, 200000);
        expect_cost(&all, (LedgerTokens) { .cached = 5, .cache_write = 5, .reasoning = 5 }, 0, 0);
}

Test(ledger_cost, what_is_too_much_is_refused_at_the_edge) {
        LedgerPrice price = { .input = 1000 };

        expect_cost(&price, (LedgerTokens) { .in = LEDGER_MONEY_MAX }, 0, LEDGER_MONEY_MAX);
        expect_cost(&price, (LedgerTokens) { .in = LEDGER_MONEY_MAX + 1 }, -EOVERFLOW, 0);
        price = (LedgerPrice) { .input = INT64_MAX, .output = INT64_MAX, .cached = INT64_MAX };
        expect_cost(&price, (LedgerTokens) { .in = INT64_MAX, .out = INT64_MAX, .cached = 5 }, -EOVERFLOW, 0);
        expect_cost(&price, (LedgerTokens) { .in = -1 }, -EINVAL, 0);
        expect_cost(&price, (LedgerTokens) { .out = -1 }, -EINVAL, 0);
        expect_cost(&price, (LedgerTokens) { .cached = -1 }, -EINVAL, 0);
        expect_cost(&price, (LedgerTokens) { .cache_write = -1 }, -EINVAL, 0);
        expect_cost(&price, (LedgerTokens) { .reasoning = -1 }, -EINVAL, 0);
        expect_cost(&(LedgerPrice) { .input = -1 }, (LedgerTokens) {}, -EINVAL, 0);
        expect_cost(&(LedgerPrice) { .output = -1 }, (LedgerTokens) {}, -EINVAL, 0);
        expect_cost(&(LedgerPrice) { .cached = -2 }, (LedgerTokens) {}, -EINVAL, 0);
        expect_cost(&(LedgerPrice) { .cache_write = -2 }, (LedgerTokens) {}, -EINVAL, 0);
        expect_cost(&(LedgerPrice) { .reasoning = -2 }, (LedgerTokens) {}, -EINVAL, 0);
}

static int64_t price_id(LedgerPrice price) {
        int64_t id = 0;

        cr_assert_eq(ledger_price(ledger, &price, BEGIN, &id), 0);
        return id;
}

Test(ledger_cost, a_price_that_is_the_newest_is_no_new_row) {
        LedgerPrice other = all;
        int64_t first = price_id(all);

        cr_expect_gt(first, 0);
        cr_expect_eq(price_id(all), first);
        other.model = "m2";
        cr_expect_eq(price_id(other), first + 1);
        other = all;
        other.reasoning = -1;
        cr_expect_eq(price_id(other), first + 2);
        cr_expect_eq(price_id(other), first + 2);
        /* The old one comes back: a row of its own, for it is from then on that it holds. */
        cr_expect_eq(price_id(all), first + 3);
        other = all;
        other.source = "prices.json";
        cr_expect_eq(price_id(other), first + 4);
        cr_expect_eq(ask("SELECT count(*) FROM price"), 5);
        cr_expect_str_eq(ask_text("SELECT provider || model || at || ' ' || input || ' ' || output || ' ' || cached || "
                                  "' ' || cache_write || ' ' || reasoning || source FROM price WHERE id = 1"),
                         "pm1764411240000000 3000000 15000000 300000 3750000 20000000given");
}

Test(ledger_cost, what_no_price_can_be_is_refused) {
        LedgerPrice price = all;
        int64_t id = 0;

        price.input = -1;
        cr_expect_eq(ledger_price(ledger, &price, BEGIN, &id), -EINVAL);
        price = all;
        price.model = "";
        cr_expect_eq(ledger_price(ledger, &price, BEGIN, &id), -EINVAL);
        price = all;
        price.source = NULL;
        cr_expect_eq(ledger_price(ledger, &price, BEGIN, &id), -EINVAL);
        cr_expect_eq(ledger_price(ledger, &all, UINT64_MAX, &id), -EINVAL);
        cr_expect_eq(id, 0);
        cr_expect_eq(ask("SELECT count(*) FROM price"), 0);
}

Test(ledger_cost, a_new_price_does_not_change_what_was_paid) {
        LedgerOutcome outcome = { .n = 1, .total = 1, .status = 200, .tokens = { .in = 1000, .reported = true } };
        LedgerReserve v = { .n = 1, .at = BEGIN, .expires = BEGIN + 1, .provider = "p", .model = "m", .amount = 9000000 };
        LedgerRefusal refusal;
        LedgerPrice dearer = all;

        v.request = outcome.request = add_request(0, NULL);
        v.price = price_id(all);
        cr_assert_eq(ledger_reserve(ledger, &v, &refusal), 0);
        dearer.input *= 2;
        cr_expect_neq(price_id(dearer), v.price); /* while the call runs */
        cr_assert_eq(ledger_cost(&all, &outcome.tokens, &outcome.cost), 0);
        cr_assert_eq(ledger_settle(ledger, &outcome), 0);
        cr_expect_eq(verify(), 0);
        cr_expect_eq(ask("SELECT a.cost FROM attempt a JOIN price p ON p.id = a.price WHERE p.input = 3000000"), 3000000);
}
