/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "modules/reports/statistics.h"

static void fill(Histogram *h, const unsigned *values, size_t n) {
        *h = HISTOGRAM_INIT(7); /* exact below 256 */
        for (size_t i = 0; i < n; i++)
                cr_assert_eq(histogram_add(h, values[i]), 0);
}

static TestResult compare(const unsigned *a, size_t n_a, const unsigned *b, size_t n_b) {
        Histogram x, y;
        TestResult t = {};

        fill(&x, a, n_a);
        fill(&y, b, n_b);
        cr_assert(test_mann_whitney(&x, &y, &t));
        histogram_done(&x);
        histogram_done(&y);
        return t;
}
#define COMPARE(a, b) compare((a), ELEMENTSOF(a), (b), ELEMENTSOF(b))

/* Quantiles that every table of the normal distribution has. */
Test(statistics, normal) {
        cr_expect_eq(normal_two_sided(0), 1);
        cr_expect_float_eq(normal_two_sided(1.959963984540054), 0.05, 1e-12);
        cr_expect_float_eq(normal_two_sided(-2.5758293035489004), 0.01, 1e-12);
}

/* The poll of Time and CNN of 1994 on a tax on cigarettes, as Penn State's STAT 415 (9.4, comparing two proportions) has
 * it: 351 of 605 against 41 of 195, Z = 8.99. */
Test(statistics, proportions_of_a_text_book) {
        TestResult t;

        cr_assert(test_proportions(351, 605, 41, 195, &t));
        cr_expect_float_eq(t.z, 8.99, 0.005);
        cr_expect_float_eq(t.effect, 0.58 - 0.21, 0.005);
        cr_expect_lt(t.p, 1e-15);
}

/* By hand: 45/50 against 35/50: share 0.8, error sqrt(0.16 * 0.04) = 0.08, z = 0.2 / 0.08 = 2.5, p = 0.012419. */
Test(statistics, proportions_by_hand) {
        TestResult t;

        cr_assert(test_proportions(45, 50, 35, 50, &t));
        cr_expect_float_eq(t.z, 2.5, 1e-12);
        cr_expect_float_eq(t.p, 0.0124193, 1e-7);
        cr_assert(test_proportions(35, 50, 45, 50, &t));
        cr_expect_float_eq(t.z, -2.5, 1e-12);
}

Test(statistics, proportions_that_cannot_differ) {
        TestResult t = { .p = -1 };

        cr_assert(test_proportions(50, 50, 70, 70, &t));
        cr_expect_eq(t.p, 1);
        cr_assert(test_proportions(0, 50, 0, 70, &t));
        cr_expect_eq(t.p, 1);
        t.p = -1;
        cr_expect_not(test_proportions(0, 0, 1, 2, &t));
        cr_expect_not(test_proportions(1, 2, 0, 0, &t));
        cr_expect_eq(t.p, -1);
}

/* The example of SciPy's documentation of mannwhitneyu: when men and women were told that they have diabetes. U = 17, and
 * p = 0.11134688653314041 by the normal approximation with continuity correction. */
Test(statistics, mann_whitney_of_scipy) {
        static const unsigned men[] = { 19, 22, 16, 29, 24 }, women[] = { 20, 11, 17, 12 };
        TestResult t = COMPARE(men, women);

        cr_expect_eq(t.statistic, 17);
        cr_expect_float_eq(t.p, 0.11134688653314041, 1e-12);
        cr_expect_float_eq(t.effect, 0.85, 1e-12);
        t = COMPARE(women, men);
        cr_expect_eq(t.statistic, 3);
        cr_expect_float_eq(t.p, 0.11134688653314041, 1e-12);
        cr_expect_lt(t.z, 0);
}

/* By hand, with ties: a = 1 2 2 3, b = 2 3 3 4. Pairs in which a is greater: 3 > 2 is one. Ties: 2-2 twice, 3-3 twice: U
 * = 1 + 2 = 3. Groups of three 2s and three 3s: sum(t^3 - t) = 24 + 24. s^2 = 16 / 12 * (9 - 48 / 56) = 10.857143, s =
 * 3.295018. z = (3 - 8 + 0.5) / s = -1.365698, p = 0.172034. */
Test(statistics, mann_whitney_with_ties) {
        static const unsigned a[] = { 1, 2, 2, 3 }, b[] = { 2, 3, 3, 4 };
        TestResult t = COMPARE(a, b);

        cr_expect_eq(t.statistic, 3);
        cr_expect_float_eq(t.z, -4.5 / sqrt(16.0 / 12 * (9 - 48.0 / 56)), 1e-12);
        cr_expect_float_eq(t.z, -1.365698, 1e-6);
        cr_expect_float_eq(t.p, 0.172034, 1e-6);
        cr_expect_float_eq(t.effect, 3.0 / 16, 1e-12);
}

Test(statistics, mann_whitney_of_the_same) {
        static const unsigned a[] = { 5, 5, 5 }, b[] = { 1, 2, 3, 4 }, c[] = { 4, 3, 2, 1 };
        TestResult t = COMPARE(a, a);
        Histogram empty = HISTOGRAM_INIT(7);

        cr_expect_eq(t.p, 1); /* all tied: no variance */
        cr_expect_eq(t.effect, 0.5);
        t = COMPARE(b, c);
        cr_expect_eq(t.p, 1);
        cr_expect_not(test_mann_whitney(&empty, &empty, &t));
}
