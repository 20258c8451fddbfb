/* SPDX-License-Identifier: MIT */
#include "shared/histogram.h"

#include <math.h>
#include <string.h>

void histogram_done(Histogram *h) {
        free(h->buckets);
        *h = HISTOGRAM_INIT(h->bits);
}

/* Above 2^(bits + 1) a number is m * 2^e and something, with m of bits + 1 digits. e counts how often the buckets have
 * doubled their width, and m goes through its upper half once for each e. */
uint32_t histogram_index(unsigned bits, uint64_t value) {
        unsigned digits = value == 0 ? 0 : 64 - (unsigned) __builtin_clzll(value), e;

        if (digits <= bits + 1)
                return (uint32_t) value;
        e = digits - bits - 1;
        return (uint32_t) (((uint64_t) e << bits) + (value >> e));
}

double histogram_middle(unsigned bits, uint32_t index) {
        unsigned e;
        double low, width;

        if (index < UINT32_C(2) << bits)
                return index;
        e = (index >> bits) - 1;
        low = ldexp((double) (index - (e << bits)), (int) e);
        width = ldexp(1, (int) e);
        return low + (width - 1) / 2;
}

/* The place of the first bucket that is not before index. */
static uint32_t find(const Histogram *h, uint32_t index) {
        uint32_t from = 0, to = h->n;

        while (from < to) {
                uint32_t middle = from + (to - from) / 2;

                if (h->buckets[middle].index < index)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static uint32_t add_counts(uint32_t a, uint32_t b) {
        return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

int histogram_add(Histogram *h, uint64_t value) {
        uint32_t index = histogram_index(h->bits, value), at = find(h, index);

        if (at == h->n || h->buckets[at].index != index) {
                if (h->n == h->space) {
                        uint32_t space = h->space + MAX(h->space / 2, UINT32_C(4));
                        HistogramBucket *grown = reallocarray(h->buckets, space, sizeof(HistogramBucket));

                        if (!grown)
                                return -ENOMEM;
                        h->buckets = grown;
                        h->space = space;
                }
                memmove(h->buckets + at + 1, h->buckets + at, (h->n - at) * sizeof(HistogramBucket));
                h->buckets[at] = (HistogramBucket) { .index = index };
                h->n++;
        }
        h->buckets[at].count = add_counts(h->buckets[at].count, 1);
        h->count++;
        return 0;
}

int histogram_merge(Histogram *h, const Histogram *other) {
        HistogramBucket *merged;
        uint32_t n = 0, i = 0, k = 0;

        if (other->n == 0)
                return 0;
        merged = reallocarray(NULL, (size_t) h->n + other->n, sizeof(HistogramBucket));
        if (!merged)
                return -ENOMEM;
        while (i < h->n || k < other->n) {
                const HistogramBucket *a = i < h->n ? h->buckets + i : NULL, *b = k < other->n ? other->buckets + k : NULL;

                if (a && (!b || a->index <= b->index)) {
                        merged[n] = *a;
                        if (b && a->index == b->index)
                                merged[n].count = add_counts(a->count, other->buckets[k++].count);
                        i++;
                } else
                        merged[n] = other->buckets[k++];
                n++;
        }
        free(h->buckets);
        h->buckets = merged;
        h->space = h->n + other->n;
        h->n = n;
        h->count += other->count;
        return 0;
}

double histogram_quantile(const Histogram *h, double q) {
        double wanted = ceil(q * (double) h->count), seen = 0;

        for (uint32_t i = 0; i < h->n; i++) {
                seen += h->buckets[i].count;
                if (seen >= wanted)
                        return histogram_middle(h->bits, h->buckets[i].index);
        }
        return h->n == 0 ? NAN : histogram_middle(h->bits, h->buckets[h->n - 1].index);
}
