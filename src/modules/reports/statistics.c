/* SPDX-License-Identifier: MIT */
#include "statistics.h"

#include <math.h>

double normal_two_sided(double z) {
        return erfc(fabs(z) / M_SQRT2);
}

bool test_proportions(uint64_t x1, uint64_t n1, uint64_t x2, uint64_t n2, TestResult *ret) {
        double a = (double) n1, b = (double) n2, difference, share, error, z;

        if (n1 == 0 || n2 == 0)
                return false;
        difference = (double) x1 / a - (double) x2 / b;
        share = (double) (x1 + x2) / (a + b);
        error = sqrt(share * (1 - share) * (1 / a + 1 / b));
        z = error > 0 ? difference / error : 0;
        *ret = (TestResult) { .statistic = z, .z = z, .p = normal_two_sided(z), .effect = difference };
        return true;
}

/* U of a is the number of pairs in which a's number is greater, ties counted half; *ret_ties the sum of t^3 - t. */
static double count_pairs(const Histogram *a, const Histogram *b, double *ret_ties) {
        double u = 0, below = 0, ties = 0;
        uint32_t i = 0, k = 0;

        while (i < a->n || k < b->n) {
                bool has_a = i < a->n && (k == b->n || a->buckets[i].index <= b->buckets[k].index);
                bool has_b = k < b->n && (i == a->n || b->buckets[k].index <= a->buckets[i].index);
                double of_a = has_a ? a->buckets[i].count : 0, of_b = has_b ? b->buckets[k].count : 0, t = of_a + of_b;

                u += of_a * (below + of_b / 2);
                below += of_b;
                ties += t * t * t - t;
                i += has_a;
                k += has_b;
        }
        *ret_ties = ties;
        return u;
}

bool test_mann_whitney(const Histogram *a, const Histogram *b, TestResult *ret) {
        double n1 = (double) a->count, n2 = (double) b->count, n = n1 + n2, ties, u, away, variance, z;

        if (a->count == 0 || b->count == 0)
                return false;
        u = count_pairs(a, b, &ties);
        variance = n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1)));
        away = u - n1 * n2 / 2;
        /* The continuity correction takes half a pair off the distance, but never past the middle. */
        z = variance > 0 ? copysign(fmax(fabs(away) - 0.5, 0), away) / sqrt(variance) : 0;
        *ret = (TestResult) { .statistic = u, .z = z, .p = normal_two_sided(z), .effect = u / (n1 * n2) };
        return true;
}
