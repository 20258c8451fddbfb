/* SPDX-License-Identifier: MIT */
#include "history-internal.h"
#include "tick.h"

/* What one step packs at most: some milliseconds' worth. */
#define STEP_SERVICES 4

/* The values of n services: one row of all times for each series of each of them. */
typedef struct Batch {
        const uint32_t *services;
        size_t n, n_times;
        int64_t *values;
} Batch;

static void batch_done(Batch *batch) {
        free(batch->values);
}

static int64_t *batch_row(const Batch *batch, size_t service, size_t series) {
        return batch->values + (service * _SERIES_MAX + series) * batch->n_times;
}

static bool batch_find(const Batch *batch, uint32_t number, size_t *ret) {
        for (size_t i = 0; i < batch->n; i++)
                if (batch->services[i] == number) {
                        *ret = i;
                        return true;
                }
        return false;
}

static int batch_new(Seal *seal, Batch *ret) {
        size_t service_bytes = seal->times.n * _SERIES_MAX * sizeof(int64_t);
        size_t n = MIN((size_t) STEP_SERVICES, seal->n_services - seal->next);
        int64_t *values = reallocarray(NULL, n, service_bytes);

        if (!values)
                return -ENOMEM;
        for (size_t i = 0; i < n * seal->times.n * _SERIES_MAX; i++)
                values[i] = VALUE_NONE;
        *ret = (Batch) {
                .services = seal->services + seal->next, .n = n, .n_times = seal->times.n, .values = values,
        };
        return 0;
}

static int take_tick(const Batch *batch, TickReader *reader, size_t at) {
        int64_t values[_SERIES_MAX];
        size_t service;
        int r;

        while ((r = tick_reader_next(reader)) > 0) {
                if (!batch_find(batch, reader->service, &service))
                        continue;
                r = tick_reader_values(reader, values);
                if (r < 0)
                        break;
                for (size_t i = 0; i < _SERIES_MAX; i++)
                        batch_row(batch, service, i)[at] = values[i];
        }
        return r == -EBADMSG ? 0 : r; /* look_at_ticks() has said so */
}

static int take_ticks(History *h, const Seal *seal, const Batch *batch) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        TickReader reader;
        uint64_t second;
        int r;

        r = ticks_select(h, seal->hour * SECONDS_PER_HOUR, (seal->hour + 1) * SECONDS_PER_HOUR, &s);
        while (r >= 0 && (r = ticks_next(h, s, &second, &reader)) > 0) {
                int at = hour_times_find(&seal->times, second);

                if (at >= 0)
                        r = take_tick(batch, &reader, (size_t) at);
        }
        return r;
}

static int take_block(Packer *packer, const Seal *seal, int64_t *to, const void *data, size_t size) {
        _cleanup_(freep) int64_t *values = calloc(seal->before.n, sizeof(int64_t));
        int r;

        if (!values)
                return -ENOMEM;
        r = block_read_samples(packer, data, size, values, seal->before.n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < seal->before.n; i++)
                to[hour_times_find(&seal->times, seal->hour * SECONDS_PER_HOUR + seal->before.seconds[i])] = values[i];
        return 0;
}

/* What is sealed already. One block that cannot be read is a gap. */
static int take_blocks(History *h, const Seal *seal, const Batch *batch) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Packer *packer;
        size_t service;
        int r;

        r = history_packer(h, &packer);
        if (r >= 0)
                r = statement_get(h, STATEMENT_BLOCK_SAMPLES, "SELECT key, samples FROM block WHERE key >= ? AND key < ?", &s);
        if (r >= 0)
                r = statement_bind(h, s, "ii", block_key(seal->hour, batch->services[0], 0),
                                   block_key(seal->hour, batch->services[batch->n - 1] + 1, 0));
        while (r >= 0 && (r = statement_step(h, s)) > 0) {
                int64_t key = sqlite3_column_int64(s, 0);

                if (block_series(key) >= _SERIES_MAX || !batch_find(batch, block_service(key), &service))
                        continue;
                r = take_block(packer, seal, batch_row(batch, service, block_series(key)), sqlite3_column_blob(s, 1),
                               (size_t) sqlite3_column_bytes(s, 1));
                if (r == -EBADMSG)
                        r = 0;
        }
        return r;
}

static int reserve_blocks(Seal *seal, size_t n) {
        Block *grown;

        if (seal->n_blocks + n <= seal->space)
                return 0;
        grown = reallocarray(seal->blocks, seal->space * 2 + n, sizeof(Block));
        if (!grown)
                return -ENOMEM;
        seal->blocks = grown;
        seal->space = seal->space * 2 + n;
        return 0;
}

static int pack_batch(Packer *packer, Seal *seal, const Batch *batch) {
        int r;

        r = reserve_blocks(seal, batch->n * _SERIES_MAX);
        for (size_t i = 0; i < batch->n * _SERIES_MAX && r >= 0; i++) {
                uint32_t service = batch->services[i / _SERIES_MAX], series = i % _SERIES_MAX;
                Block *block = &seal->blocks[seal->n_blocks];

                r = block_make(packer, block_key(seal->hour, service, series),
                               batch_row(batch, i / _SERIES_MAX, series), seal->times.seconds, seal->times.n, block);
                if (r <= 0)
                        continue;
                seal->n_blocks++;
                seal->figures.samples += block->hour.n;
                seal->figures.blob_bytes += block->samples_size;
                seal->figures.rollup_bytes += block->minutes_size;
        }
        return MIN(r, 0);
}

int seal_pack_some(History *h) {
        _cleanup_(batch_done) Batch batch = {};
        Seal *seal = &h->seal;
        Packer *packer;
        int r;

        r = history_packer(h, &packer);
        if (r >= 0)
                r = batch_new(seal, &batch);
        if (r >= 0 && seal->before.n > 0)
                r = take_blocks(h, seal, &batch);
        if (r >= 0)
                r = take_ticks(h, seal, &batch);
        if (r >= 0)
                r = pack_batch(packer, seal, &batch);
        if (r >= 0)
                seal->next += batch.n;
        return r;
}
