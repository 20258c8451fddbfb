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

/* The place of the first bucket from `from` on that is not before index. It is no further away than the indices are, so
 * among buckets that are close together it is found in a few steps. */
static uint32_t find(const Histogram *h, uint32_t from, uint32_t index) {
        uint32_t to = h->n;

        if (from < h->n && h->buckets[from].index <= index && index - h->buckets[from].index < h->n - from)
                to = from + (index - h->buckets[from].index) + 1;
        while (from < to) {
                uint32_t middle = from + (to - from) / 2;

                if (h->buckets[middle].index < index)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static int make_room(Histogram *h, uint32_t more) {
        uint32_t space = h->space + MAX(h->space / 2, UINT32_C(4));
        HistogramBucket *grown;

        if (h->space - h->n >= more)
                return 0;
        space = MAX(space, h->n + more);
        grown = reallocarray(h->buckets, space, sizeof(HistogramBucket));
        if (!grown)
                return -ENOMEM;
        h->buckets = grown;
        h->space = space;
        return 0;
}

/* There is room for one more. */
static void add_at(Histogram *h, uint32_t at, uint32_t index, uint32_t count) {
        if (at == h->n || h->buckets[at].index != index) {
                memmove(h->buckets + at + 1, h->buckets + at, (h->n - at) * sizeof(HistogramBucket));
                h->buckets[at] = (HistogramBucket) { .index = index };
                h->n++;
        }
        h->buckets[at].count = h->buckets[at].count > UINT32_MAX - count ? UINT32_MAX : h->buckets[at].count + count;
}

int histogram_add(Histogram *h, uint64_t value) {
        uint32_t index = histogram_index(h->bits, value);
        int r = make_room(h, 1);

        if (r < 0)
                return r;
        add_at(h, find(h, 0, index), index, 1);
        h->count++;
        return 0;
}

int histogram_merge(Histogram *h, const Histogram *other) {
        uint32_t at = 0;
        int r = make_room(h, other->n);

        if (r < 0)
                return r;
        for (uint32_t i = 0; i < other->n; i++) {
                at = find(h, at, other->buckets[i].index);
                add_at(h, at, other->buckets[i].index, other->buckets[i].count);
        }
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
