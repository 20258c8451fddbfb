/* SPDX-License-Identifier: MIT */
#include "sampling.h"

#include <errno.h>
#include <math.h>
#include <sys/random.h>

static uint64_t rotate(uint64_t x, int k) {
        return (x << k) | (x >> (64 - k));
}

int random_init(Random *r) {
        ssize_t n = getrandom(r->s, sizeof(r->s), 0);

        return n == (ssize_t) sizeof(r->s) ? 0 : n < 0 ? -errno : -EIO;
}

/* SplitMix64, as the authors of xoshiro advise: no state of zeroes comes of it. */
void random_seed(Random *r, uint64_t seed) {
        for (int i = 0; i < 4; i++) {
                uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

                z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
                z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
                r->s[i] = z ^ (z >> 31);
        }
}

uint64_t random_u64(Random *r) {
        uint64_t result = rotate(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

        r->s[2] ^= r->s[0];
        r->s[3] ^= r->s[1];
        r->s[1] ^= r->s[2];
        r->s[0] ^= r->s[3];
        r->s[2] ^= t;
        r->s[3] = rotate(r->s[3], 45);
        return result;
}

double random_unit(Random *r) {
        return ((double) (random_u64(r) >> 12) + 0.5) / (double) (UINT64_C(1) << 52);
}

static double random_normal(Random *r) {
        return sqrt(-2 * log(random_unit(r))) * cos(2 * M_PI * random_unit(r));
}

/* Marsaglia and Tsang (2000), for shapes of 1 and more. */
static double random_gamma(Random *r, double shape) {
        double d = shape - (1.0 / 3.0), c = 1 / sqrt(9 * d);

        for (;;) {
                double x = random_normal(r), v = 1 + (c * x);

                if (v <= 0)
                        continue;
                v = v * v * v;
                if (log(random_unit(r)) < (x * x / 2) + d - (d * v) + (d * log(v)))
                        return d * v;
        }
}

double random_beta(Random *r, double a, double b) {
        double x = random_gamma(r, a), y = random_gamma(r, b);

        return x / (x + y);
}
