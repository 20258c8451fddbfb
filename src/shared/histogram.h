/* SPDX-License-Identifier: MIT */
#pragma once

/* A histogram of whole numbers with log-linear buckets, as HdrHistogram has them: 2^bits buckets of equal width between
 * two powers of two, and one for each number below 2^(bits + 1). What it says of a number is the middle of its bucket,
 * so it is off by no more than 2^-(bits + 1) of the number, and exact below 2^(bits + 1). Only buckets that hold
 * something take memory (8 bytes each). */

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

typedef struct HistogramBucket {
        uint32_t index; /* in the order of the numbers */
        uint32_t count;
} HistogramBucket;

#define HISTOGRAM_BITS_MAX 16

/* Buckets are ordered by index and none is empty. bits is the caller's to set before the first number, and the rest zero. */
typedef struct Histogram {
        HistogramBucket *buckets;
        uint32_t n, space;
        unsigned bits;
        uint64_t count; /* of numbers */
} Histogram;

#define HISTOGRAM_INIT(b) ((Histogram) { .bits = (b) })

/* Frees the buckets and empties it. */
void histogram_done(Histogram *h);

/* -ENOMEM leaves it as it was. A bucket's count stays at UINT32_MAX once it is there. */
int histogram_add(Histogram *h, uint64_t value);
/* Adds all of another one of the same bits. */
int histogram_merge(Histogram *h, const Histogram *other);

/* The number that a share q (0..1) of the numbers does not exceed, by nearest rank: the ceil(q * count)-th in their order,
 * with the error above. NAN when there is none. */
double histogram_quantile(const Histogram *h, double q);

/* The bound of that error, as a share of the number. */
static inline double histogram_error(unsigned bits) {
        return 1.0 / (double) (UINT64_C(2) << bits);
}

/* The bucket of a number, and the middle of a bucket. */
uint32_t histogram_index(unsigned bits, uint64_t value);
double histogram_middle(unsigned bits, uint32_t index);
