/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

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
