/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/macro.h"
#include "shared/breaker.h"

#define S USEC_PER_SEC

static void fail(Breaker *b, unsigned times, uint64_t now) {
        for (unsigned i = 0; i < times; i++)
                breaker_failure(b, false, now);
}

Test(breaker, opens_after_failures_in_a_row) {
        Breaker b = {};
        uint64_t wait = 0;

        fail(&b, BREAKER_FAILURES - 1, 0);
        breaker_success(&b, false); /* not in a row */
        fail(&b, BREAKER_FAILURES - 1, 10 * S);
        cr_expect_eq(breaker_ask(&b, 10 * S, &wait), BREAKER_LET);
        fail(&b, 1, 10 * S);
        cr_expect_eq(breaker_ask(&b, 10 * S + S / 4, &wait), BREAKER_REFUSE);
        cr_expect_eq(wait, S - S / 4);
        cr_expect_eq(breaker_state(&b, 10 * S), BREAKER_OPEN);
        cr_expect_eq(breaker_state(&b, 11 * S), BREAKER_HALF_OPEN);
}

Test(breaker, one_probe_at_a_time) {
        Breaker b = {};
        uint64_t wait = 0;

        fail(&b, BREAKER_FAILURES, 0);
        cr_expect_eq(breaker_ask(&b, S, &wait), BREAKER_PROBE);
        cr_expect_eq(breaker_ask(&b, S, &wait), BREAKER_REFUSE);
        cr_expect_gt(wait, 0);
        breaker_forget(&b, true); /* its client went away */
        cr_expect_eq(breaker_ask(&b, S, &wait), BREAKER_PROBE);
        breaker_success(&b, true);
        cr_expect_eq(breaker_state(&b, S), BREAKER_CLOSED);
        cr_expect_eq(breaker_ask(&b, S, &wait), BREAKER_LET);
        fail(&b, BREAKER_FAILURES - 1, S); /* it counts from nothing again */
        cr_expect_eq(breaker_ask(&b, S, &wait), BREAKER_LET);
}

Test(breaker, doubles_up_to_its_limit) {
        static const uint64_t seconds[] = { 1, 2, 4, 8, 16, 30, 30 };
        uint64_t now = 0, wait = 0;
        Breaker b = {};

        fail(&b, BREAKER_FAILURES, now);
        for (unsigned i = 0; i < ELEMENTSOF(seconds); i++) {
                cr_assert_eq(breaker_ask(&b, now, &wait), BREAKER_REFUSE);
                cr_expect_eq(wait, seconds[i] * S, "%u: %lu", i, (unsigned long) wait);
                now += wait;
                cr_assert_eq(breaker_ask(&b, now, &wait), BREAKER_PROBE);
                breaker_failure(&b, true, now);
        }
}

Test(breaker, late_outcomes_of_before_say_nothing) {
        uint64_t wait = 0;
        Breaker b = {};

        fail(&b, BREAKER_FAILURES, 0);
        breaker_success(&b, false);
        fail(&b, 3, 0);
        cr_expect_eq(breaker_ask(&b, 0, &wait), BREAKER_REFUSE);
        cr_expect_eq(wait, S);
}

Test(breaker, half_open_at_once) {
        uint64_t wait = 0;
        Breaker b = {};

        breaker_half_open(&b);
        cr_expect_eq(breaker_ask(&b, 0, &wait), BREAKER_LET); /* it was closed */
        fail(&b, BREAKER_FAILURES, 0);
        breaker_half_open(&b);
        cr_expect_eq(breaker_state(&b, 1), BREAKER_HALF_OPEN);
        cr_expect_eq(breaker_ask(&b, 1, &wait), BREAKER_PROBE);
}
