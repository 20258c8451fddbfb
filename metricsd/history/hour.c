/* SPDX-License-Identifier: MIT */
#include "hour.h"

#include "history-internal.h"

void hour_times_done(HourTimes *times) {
        free(times->seconds);
        *times = (HourTimes) {};
}

int history_packer(History *h, Packer **ret) {
        int r;

        if (!h->packer) {
                r = packer_new(&h->packer);
                if (r < 0)
                        return r;
        }
        *ret = h->packer;
        return 0;
}

static int unpack_seconds(Packer *packer, const void *data, size_t size, uint16_t *seconds, size_t n) {
        int64_t numbers[SECONDS_PER_HOUR];
        int r;

        r = unpack(packer, data, size, numbers, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (numbers[i] < (i > 0 ? numbers[i - 1] + 1 : 0) || numbers[i] >= SECONDS_PER_HOUR)
                        return -EBADMSG;
                seconds[i] = (uint16_t) numbers[i];
        }
        return 0;
}

int hour_times_unpack(Packer *packer, const void *data, size_t size, uint64_t n, uint64_t hour, HourTimes *ret) {
        _cleanup_(freep) uint16_t *seconds = NULL;
        int r;

        if (n == 0 || n > SECONDS_PER_HOUR)
                return -EBADMSG;
        seconds = calloc(n, sizeof(uint16_t));
        if (!seconds)
                return -ENOMEM;
        r = unpack_seconds(packer, data, size, seconds, n);
        if (r < 0)
                return r;
        *ret = (HourTimes) { .hour = hour, .n = n, .seconds = TAKE_PTR(seconds) };
        return 0;
}

int hour_times_load(History *h, uint64_t hour, HourTimes *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Packer *packer;
        int r;

        r = history_packer(h, &packer);
        if (r >= 0)
                r = statement_get(h, STATEMENT_HOUR, "SELECT n, times FROM hour WHERE hour = ?", &s);
        if (r >= 0)
                r = statement_bind(h, s, "u", hour);
        if (r >= 0)
                r = statement_step(h, s);
        if (r <= 0)
                return r;
        r = hour_times_unpack(packer, sqlite3_column_blob(s, 1), (size_t) sqlite3_column_bytes(s, 1),
                              (uint64_t) sqlite3_column_int64(s, 0), hour, ret);
        return r < 0 ? r : 1;
}

int hour_times_save(History *h, const HourTimes *times, const HourFigures *figures) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_(freep) int64_t *numbers = calloc(times->n, sizeof(int64_t));
        const uint8_t *data;
        Packer *packer;
        size_t size;
        int r;

        if (!numbers)
                return -ENOMEM;
        for (size_t i = 0; i < times->n; i++)
                numbers[i] = times->seconds[i];
        r = history_packer(h, &packer);
        if (r >= 0)
                r = pack(packer, numbers, times->n, &data, &size);
        if (r >= 0)
                r = statement_get(h, STATEMENT_PUT_HOUR, "INSERT OR REPLACE INTO hour (hour, n, times, samples, "
                                  "blob_bytes, rollup_bytes) VALUES (?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(h, s, "uubuuu", times->hour, (uint64_t) times->n, data, size, figures->samples,
                                   figures->blob_bytes + size, figures->rollup_bytes);
        return r < 0 ? r : statement_run(h, s);
}

int hour_times_find(const HourTimes *times, uint64_t second) {
        size_t low = 0, high = times->n;

        if (second / SECONDS_PER_HOUR != times->hour)
                return -ENOENT;
        while (low < high) {
                size_t middle = (low + high) / 2;

                if (times->seconds[middle] < second % SECONDS_PER_HOUR)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < times->n && times->seconds[low] == second % SECONDS_PER_HOUR ? (int) low : -ENOENT;
}
