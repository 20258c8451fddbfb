/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <string.h>

#include "history-internal.h"
#include "tick.h"

/* What a minute is kept as, all of one kind for the whole hour before the next kind: how many samples; then, but for minutes
 * without any, the least of them, how far above it the biggest is, and how far the sum is above all of them being the least. */
enum {
        MINUTE_N,
        MINUTE_MIN,
        MINUTE_SPREAD,
        MINUTE_EXCESS,
        _MINUTE_MAX,
};

#define MINUTE_NUMBERS (_MINUTE_MAX * BLOCK_MINUTES)

void block_done(Block *block) {
        free(block->data);
        *block = (Block) {};
}

static void add(Rollup *rollup, int64_t value) {
        rollup->min = rollup->n > 0 ? MIN(rollup->min, value) : value;
        rollup->max = rollup->n > 0 ? MAX(rollup->max, value) : value;
        rollup->sum += value;
        rollup->n++;
}

static void make_minutes(const Rollup minutes[static BLOCK_MINUTES], int64_t numbers[static MINUTE_NUMBERS]) {
        for (size_t i = 0; i < BLOCK_MINUTES; i++) {
                const Rollup *m = &minutes[i];
                int64_t n = (int64_t) m->n;

                numbers[MINUTE_N * BLOCK_MINUTES + i] = n;
                numbers[MINUTE_MIN * BLOCK_MINUTES + i] = n > 0 ? m->min : PACK_GAP;
                numbers[MINUTE_SPREAD * BLOCK_MINUTES + i] = n > 0 ? m->max - m->min : PACK_GAP;
                numbers[MINUTE_EXCESS * BLOCK_MINUTES + i] = n > 0 ? m->sum - n * m->min : PACK_GAP;
        }
}

static int append(Block *block, const uint8_t *data, size_t size) {
        size_t used = block->minutes_size + block->samples_size;
        uint8_t *grown = realloc(block->data, used + size);

        if (!grown)
                return -ENOMEM;
        memcpy(grown + used, data, size);
        block->data = grown;
        return 0;
}

int block_make(Packer *packer, int64_t key, const int64_t *values, const uint16_t *seconds, size_t n, Block *ret) {
        _cleanup_(block_done) Block block = { .key = key };
        Rollup minutes[BLOCK_MINUTES] = {};
        int64_t numbers[MINUTE_NUMBERS];
        const uint8_t *data;
        size_t size;
        int r;

        for (size_t i = 0; i < n; i++)
                if (values[i] != VALUE_NONE) {
                        add(&block.hour, values[i]);
                        add(&minutes[seconds[i] / 60], values[i]);
                }
        if (block.hour.n == 0)
                return 0;
        make_minutes(minutes, numbers);
        r = pack(packer, numbers, MINUTE_NUMBERS, &data, &size);
        if (r >= 0)
                r = append(&block, data, size);
        if (r < 0)
                return r;
        block.minutes_size = size;
        r = pack(packer, values, n, &data, &size);
        if (r >= 0)
                r = append(&block, data, size);
        if (r < 0)
                return r;
        block.samples_size = size;
        *ret = block;
        block.data = NULL; /* it is the caller's now */
        return 1;
}

static bool in_range(int64_t number, int64_t min, int64_t max) {
        return number >= min && number <= max;
}

int block_read_minutes(Packer *packer, const void *data, size_t size, Rollup ret[static BLOCK_MINUTES]) {
        int64_t numbers[MINUTE_NUMBERS];
        int r;

        r = unpack(packer, data, size, numbers, MINUTE_NUMBERS);
        if (r < 0)
                return r;
        for (size_t i = 0; i < BLOCK_MINUTES; i++) {
                int64_t n = numbers[MINUTE_N * BLOCK_MINUTES + i], min = numbers[MINUTE_MIN * BLOCK_MINUTES + i];
                int64_t spread = numbers[MINUTE_SPREAD * BLOCK_MINUTES + i];
                int64_t excess = numbers[MINUTE_EXCESS * BLOCK_MINUTES + i];

                ret[i] = (Rollup) {};
                if (n == 0 && min == PACK_GAP && spread == PACK_GAP && excess == PACK_GAP)
                        continue;
                if (!in_range(n, 1, 60) || !in_range(min, -VALUE_MAX, VALUE_MAX) || !in_range(spread, 0, 2 * VALUE_MAX) ||
                    !in_range(excess, 0, n * spread))
                        return -EBADMSG;
                ret[i] = (Rollup) { .n = (uint64_t) n, .min = min, .max = min + spread, .sum = n * min + excess };
        }
        return 0;
}

int block_read_samples(Packer *packer, const void *data, size_t size, int64_t *ret, size_t n) {
        int r;

        r = unpack(packer, data, size, ret, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (ret[i] != VALUE_NONE && !in_range(ret[i], -VALUE_MAX, VALUE_MAX))
                        return -EBADMSG;
        return 0;
}

int block_save(History *h, const Block *block) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_PUT_BLOCK,
                          "INSERT OR REPLACE INTO block (key, n, min, max, sum, minutes, samples) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(h, s, "iuiiibb", block->key, block->hour.n, block->hour.min, block->hour.max,
                                   block->hour.sum, block->data, block->minutes_size, block->data + block->minutes_size,
                                   block->samples_size);
        return r < 0 ? r : statement_run(h, s);
}
