/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"
#include "pack.h"

/* What is kept of one series of one service in one hour that is over. Blocks lie in the file in the order of their keys,
 * hour by hour: a new hour only appends, and what is old goes by whole pages. */
#define BLOCK_SERIES 64 /* a new series gets a number under this */

static inline int64_t block_key(uint64_t hour, uint32_t service, uint32_t series) {
        return (int64_t) (hour << 18 | (uint64_t) service << 6 | series);
}

static inline uint64_t block_hour(int64_t key) {
        return (uint64_t) key >> 18;
}

static inline uint32_t block_service(int64_t key) {
        return (uint32_t) ((uint64_t) key >> 6 & 4095);
}

static inline uint32_t block_series(int64_t key) {
        return (uint32_t) (key & (BLOCK_SERIES - 1));
}

#define BLOCK_MINUTES 60

typedef struct Rollup {
        uint64_t n;
        int64_t min, max, sum;
} Rollup;

typedef struct Block {
        int64_t key;
        Rollup hour;
        uint8_t *data; /* minutes, then samples, both packed */
        size_t minutes_size, samples_size;
} Block;

void block_done(Block *block);

/* Packs n values, those of the given seconds of the hour; VALUE_NONE for gaps. 1, or 0 when all of them are gaps and there is
 * no block. */
int block_make(Packer *packer, int64_t key, const int64_t *values, const uint16_t *seconds, size_t n, Block *ret);

/* -EBADMSG for what is no 60 minutes; those without samples have n = 0. */
int block_read_minutes(Packer *packer, const void *data, size_t size, Rollup ret[static BLOCK_MINUTES]);

/* One for each time of the hour. -EBADMSG. */
int block_read_samples(Packer *packer, const void *data, size_t size, int64_t *ret, size_t n);

int block_save(History *h, const Block *block);
