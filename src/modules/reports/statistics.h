/* SPDX-License-Identifier: MIT */
#pragma once

/* The tests that insights rest on. Both are two-sided and lean on the normal distribution, so they want samples of 20
 * and more (see SAMPLE_MIN in figures.h). */

#include <stdbool.h>
#include <stdint.h>

#include "shared/histogram.h"

typedef struct TestResult {
        double statistic; /* z of the proportions; U of the first sample */
        double z;
        double p;      /* 1 where the samples cannot differ, e.g. all calls of both succeeded */
        double effect; /* p1 - p2; or the share of pairs in which the first sample's number is greater, ties counted half */
} TestResult;

/* False for an empty sample, and *ret is left alone. */

/* z test of two proportions with the pooled share: z = (x1/n1 - x2/n2) / sqrt(p (1 - p) (1/n1 + 1/n2)), p =
 * (x1+x2)/(n1+n2). */
bool test_proportions(uint64_t x1, uint64_t n1, uint64_t x2, uint64_t n2, TestResult *ret);

/* Mann-Whitney U: z = (U - n1 n2 / 2 -+ 1/2) / sqrt(n1 n2 / 12 (N + 1 - sum(t^3 - t) / (N (N - 1)))), t the sizes of the
 * groups of ties. Numbers in one bucket are ties, so the histograms' error costs it some power, and no more. */
bool test_mann_whitney(const Histogram *a, const Histogram *b, TestResult *ret);

/* Of a normal distribution: how likely a value at least that far from the middle is, on either side. */
double normal_two_sided(double z);
