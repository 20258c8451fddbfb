/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "shared/histogram.h"

Test(histogram, small_numbers_are_exact) {
        for (unsigned bits = 0; bits <= 8; bits++)
                for (uint64_t value = 0; value < UINT64_C(2) << bits; value++)
                        cr_assert_eq(histogram_middle(bits, histogram_index(bits, value)), (double) value, "%u bits", bits);
}

/* As the header says: off by no more than 2^-(bits + 1), up to the greatest number there is, and in order. */
Test(histogram, error_is_within_the_bound) {
        static const unsigned bits[] = { 0, 1, 3, 7, HISTOGRAM_BITS_MAX };

        for (size_t i = 0; i < ELEMENTSOF(bits); i++) {
                uint32_t before = 0;

                for (double x = 1; x < 1.8e19; x = x * 1.013 + 1) {
                        uint64_t value = (uint64_t) x;
                        uint32_t index = histogram_index(bits[i], value);
                        double off = fabs(histogram_middle(bits[i], index) - (double) value);

                        cr_assert(off <= (double) value * histogram_error(bits[i]) * (1 + 1e-12), "%u bits, %g: off by %g",
                                  bits[i], x, off);
                        cr_assert_geq(index, before);
                        before = index;
                }
                cr_assert_gt(histogram_index(bits[i], UINT64_MAX), 0);
                cr_assert_float_eq(histogram_middle(bits[i], histogram_index(bits[i], UINT64_MAX)) / 18446744073709551615.0,
                                   1, histogram_error(bits[i]) * 1.01);
        }
}

/* Where one bucket ends and the next begins: no number falls between. */
Test(histogram, buckets_join) {
        for (uint32_t index = 1; index < 2000; index++) {
                double middle = histogram_middle(3, index);

                cr_assert_gt(middle, histogram_middle(3, index - 1));
                if (middle < 1e15)
                        cr_assert_eq(histogram_index(3, (uint64_t) middle), index);
                if (index > 450) /* the greatest number's is below */
                        break;
        }
}

/* By hand: the ceil(q n)-th of 1..10, which are exact with 7 bits. */
Test(histogram, nearest_rank) {
        Histogram h = HISTOGRAM_INIT(7);

        cr_expect(isnan(histogram_quantile(&h, 0.5)));
        for (uint64_t value = 10; value >= 1; value--)
                cr_assert_eq(histogram_add(&h, value), 0);
        cr_expect_eq(histogram_quantile(&h, 0), 1);
        cr_expect_eq(histogram_quantile(&h, 0.5), 5);
        cr_expect_eq(histogram_quantile(&h, 0.51), 6);
        cr_expect_eq(histogram_quantile(&h, 0.95), 10);
        cr_expect_eq(histogram_quantile(&h, 1), 10);
        cr_expect_eq(h.count, 10);
        histogram_done(&h);
        cr_expect_eq(h.count, 0);
        cr_expect_eq(h.bits, 7);
}

/* Whatever is merged in whichever order is what would have been added one by one. */
Test(histogram, merge_is_adding) {
        Histogram all = HISTOGRAM_INIT(5), parts[3] = { HISTOGRAM_INIT(5), HISTOGRAM_INIT(5), HISTOGRAM_INIT(5) };
        Histogram merged = HISTOGRAM_INIT(5), empty = HISTOGRAM_INIT(5);
        uint64_t value = 1;

        for (unsigned i = 0; i < 3000; i++) {
                value = value * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                cr_assert_eq(histogram_add(&all, value >> (i % 60)), 0);
                cr_assert_eq(histogram_add(&parts[i % 3], value >> (i % 60)), 0);
        }
        for (unsigned i = 3; i-- > 0;)
                cr_assert_eq(histogram_merge(&merged, &parts[i]), 0);
        cr_assert_eq(histogram_merge(&merged, &empty), 0);
        cr_assert_eq(merged.n, all.n);
        cr_assert_eq(merged.count, all.count);
        for (uint32_t i = 0; i < all.n; i++) {
                cr_assert_eq(merged.buckets[i].index, all.buckets[i].index);
                cr_assert_eq(merged.buckets[i].count, all.buckets[i].count);
        }
        for (unsigned i = 0; i < 3; i++)
                histogram_done(&parts[i]);
        histogram_done(&all);
        histogram_done(&merged);
}
