/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* Random numbers for choices and waits: xoshiro256**. Good enough to be fair, not for secrets. */
typedef struct Random {
        uint64_t s[4];
} Random;

/* From the kernel's entropy. */
int random_init(Random *r);
/* The same for each seed, for tests. */
void random_seed(Random *r, uint64_t seed);
uint64_t random_u64(Random *r);
/* In (0, 1). */
double random_unit(Random *r);

/* A draw from Beta(a, b), both at least 1. */
double random_beta(Random *r, double a, double b);
