/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "../../metricsd/account.h"

#define SPENT_NSEC UINT64_C(5000000)

static uint64_t cpu_now(void) {
        struct timespec t;

        cr_assert_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
        return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static void compute(void) {
        uint64_t end = cpu_now() + SPENT_NSEC;

        while (cpu_now() < end)
                ;
}

static void compute_for(Account *account) {
        ACCOUNT_CHARGE(account);

        compute();
}

Test(account, each_pays_its_own_part) {
        Account outer = { .name = "outer" }, inner = { .name = "inner" };
        uint64_t begin = cpu_now();

        cr_expect_null(account_charge(&outer));
        compute();
        compute_for(&inner);
        compute_for(NULL);
        cr_expect_eq(account_charge(NULL), &outer);
        cr_expect_geq(outer.cpu, SPENT_NSEC);
        cr_expect_geq(inner.cpu, SPENT_NSEC);
        cr_expect_leq(outer.cpu + inner.cpu, cpu_now() - begin - SPENT_NSEC, "one third was charged to nobody");
}

Test(account, what_is_charged_again_is_not_counted_twice) {
        Account a = { .name = "a" };
        uint64_t begin = cpu_now();

        (void) account_charge(&a);
        compute_for(&a);
        compute_for(&a);
        (void) account_charge(NULL);
        cr_expect_geq(a.cpu, 2 * SPENT_NSEC);
        cr_expect_leq(a.cpu, cpu_now() - begin);
}

Test(account, a_failure_stands_until_the_next_success) {
        Account a = { .name = "a" };

        cr_expect(account_is_ok(&a));
        cr_expect_eq(a.last_success, 0);
        account_failed(&a, "%s is gone", "it");
        cr_expect_not(account_is_ok(&a));
        cr_expect_str_eq(a.error, "it is gone");
        account_ok(&a);
        cr_expect(account_is_ok(&a));
        cr_expect_gt(a.last_success, 0);
        cr_expect_eq(a.runs, 2);
        cr_expect_eq(a.failures, 1);
}

Test(account, a_long_error_is_cut_to_whole_characters) {
        Account a = { .name = "a" };
        char words[2 * ACCOUNT_ERROR_MAX + 1];

        for (size_t i = 0; i < ACCOUNT_ERROR_MAX; i++)
                memcpy(words + 2 * i, "\xc3\xa4", 2);
        words[sizeof(words) - 1] = '\0';
        account_failed(&a, "a%s", words);
        cr_expect_eq(strlen(a.error), ACCOUNT_ERROR_MAX);
        cr_expect_eq(a.error[ACCOUNT_ERROR_MAX - 1], '?');
        cr_expect_eq((unsigned char) a.error[ACCOUNT_ERROR_MAX - 2], 0xa4);
}
