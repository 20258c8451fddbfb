/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "modules/provider/choose.h"

#define ROUNDS 20000

/* How often each is chosen, of ROUNDS. */
static void count(const Candidate *given, size_t n, double price_weight, unsigned *times) {
        Candidate candidates[8];
        Random random;

        random_seed(&random, 1);
        memset(times, 0, n * sizeof(*times));
        for (unsigned i = 0; i < ROUNDS; i++) {
                memcpy(candidates, given, n * sizeof(Candidate));
                times[choose(candidates, n, price_weight, &random)]++;
        }
}

Test(provider_choose, draws_are_those_of_a_beta_distribution) {
        const double shapes[][2] = { { 1, 1 }, { 5, 2 }, { 40, 3 }, { 1, 12 } };
        Random random;

        random_seed(&random, 7);
        for (size_t i = 0; i < 4; i++) {
                double a = shapes[i][0], b = shapes[i][1], sum = 0, squares = 0, mean, variance;

                for (unsigned k = 0; k < ROUNDS; k++) {
                        double x = random_beta(&random, a, b);

                        cr_assert(x > 0 && x < 1);
                        sum += x;
                        squares += x * x;
                }
                mean = a / (a + b);
                variance = a * b / ((a + b) * (a + b) * (a + b + 1));
                cr_expect_lt(fabs((sum / ROUNDS) - mean), 5 * sqrt(variance / ROUNDS), "mean of %g %g", a, b);
                cr_expect_lt(fabs((squares / ROUNDS) - (sum / ROUNDS * sum / ROUNDS) - variance), variance * 0.1, "variance of %g %g", a, b);
        }
}

Test(provider_choose, one_is_chosen_whatever_it_did) {
        unsigned times[1];

        count(&(Candidate) { .bad = 1000 }, 1, CHOOSE_PRICE, times);
        cr_expect_eq(times[0], ROUNDS);
}

Test(provider_choose, equals_get_equal_shares) {
        unsigned times[4];

        count((Candidate[4]) { { .good = 3, .bad = 1 }, { .good = 3, .bad = 1 }, { .good = 3, .bad = 1 }, { .good = 3, .bad = 1 } },
              4, CHOOSE_PRICE, times);
        for (size_t i = 0; i < 4; i++)
                cr_expect(fabs(times[i] - (ROUNDS / 4.0)) < 5 * sqrt(ROUNDS * 0.25 * 0.75), "%u", times[i]);
}

Test(provider_choose, who_does_well_is_asked_most_and_the_other_now_and_then) {
        unsigned times[2];

        count((Candidate[2]) { { .good = 18, .bad = 2 }, { .good = 6, .bad = 6 } }, 2, CHOOSE_PRICE, times);
        cr_expect_gt(times[0], ROUNDS * 9 / 10);
        cr_expect_gt(times[1], 0);
        cr_expect_lt(times[0], ROUNDS);
}

Test(provider_choose, the_faster_and_the_cheaper_of_equals) {
        const Candidate base = { .good = 1000, .latency = 100000, .priced = true, .cost = 1000 };
        Candidate two[2] = { base, base };
        unsigned times[2];

        two[1].latency = 1000000;
        count(two, 2, CHOOSE_PRICE, times);
        cr_expect_eq(times[0], ROUNDS);
        two[1] = base;
        two[1].cost = 10;
        count(two, 2, CHOOSE_PRICE, times);
        cr_expect_eq(times[1], ROUNDS);
        two[1].priced = false; /* not known: as good as the dearest */
        count(two, 2, CHOOSE_PRICE, times);
        cr_expect_eq(times[0], ROUNDS);
}

Test(provider_choose, what_is_preferred_decides) {
        /* One is free and slow, the other fast and dear. */
        const Candidate two[2] = { { .good = 1000, .latency = 900000, .priced = true, .cost = 0 },
                                   { .good = 1000, .latency = 90000, .priced = true, .cost = 100000 } };
        unsigned times[2];

        count(two, 2, CHOOSE_PRICE_FREE, times);
        cr_expect_eq(times[0], ROUNDS);
        count(two, 2, 0, times);
        cr_expect_eq(times[1], ROUNDS);
}

Test(provider_choose, a_score_by_hand) {
        Candidate c[2] = { { .good = 1e9, .latency = 200000, .priced = true, .cost = 399 },
                           { .good = 1e9, .latency = 100000, .priced = true, .cost = 99 } };
        Random random;

        random_seed(&random, 3);
        cr_expect_eq(choose(c, 2, 0.25, &random), 1);
        cr_expect_float_eq(c[0].score, (1 + (0.25 * 0.5) + (0.25 * 0.25)) / 1.5, 1e-3);
        cr_expect_float_eq(c[1].score, 1, 1e-3);
}

static bool says(json_object *reasons, const char *what) {
        for (size_t i = 0; i < json_object_array_length(reasons); i++)
                if (strstr(json_object_get_string(json_object_array_get_idx(reasons, i)), what))
                        return true;
        return false;
}

Test(provider_choose, reasons_have_the_figures) {
        const Candidate c = { .good = 9, .bad = 1, .latency = 123000, .priced = true, .cost = 1500, .draw = 0.875, .score = 0.75,
                              .speed = 0.5, .price = 1 };
        json_object *reasons = choose_reasons(&c, 3, 0.25), *none = choose_reasons(&(Candidate) {}, 1, 0.25);

        cr_expect(says(reasons, "of 3: 0.750"));
        cr_expect(says(reasons, "90.0 % of 10.0 recent calls"));
        cr_expect(says(reasons, "drawn 0.875"));
        cr_expect(says(reasons, "after 123 ms"));
        cr_expect(says(reasons, "at most 0.0000015 USD"));
        cr_expect(says(none, "the only one"));
        cr_expect(says(none, "no recent calls"));
        cr_expect(says(none, "not known yet"));
        cr_expect(says(none, "price: not known"));
        json_object_put(reasons);
        json_object_put(none);
}
