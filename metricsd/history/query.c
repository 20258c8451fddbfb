/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "history-internal.h"
#include "shared/log.h"
#include "tick.h"

/* All of it in seconds. */
typedef struct Answer {
        Series series;
        uint64_t from, to, step;
        HistoryPoint *points; /* avg is the sum until the end */
        size_t n;
} Answer;

/* --- Gathering --- */

static size_t step_of(const Answer *a, uint64_t second) {
        return (size_t) ((second - a->from) / a->step);
}

static bool overlaps(const Answer *a, uint64_t begin, uint64_t length) {
        return begin < a->to && begin + length > a->from;
}

/* Whether all of it belongs to one point. */
static bool fits(const Answer *a, uint64_t begin, uint64_t length) {
        return begin >= a->from && begin + length <= a->to && step_of(a, begin) == step_of(a, begin + length - 1);
}

static void add(Answer *a, uint64_t second, const Rollup *rollup) {
        HistoryPoint *p = &a->points[step_of(a, second)];
        double min = (double) rollup->min, max = (double) rollup->max;

        if (rollup->n == 0)
                return;
        p->min = p->n > 0 ? MIN(p->min, min) : min;
        p->max = p->n > 0 ? MAX(p->max, max) : max;
        p->avg += (double) rollup->sum;
        p->n += rollup->n;
}

static void add_value(Answer *a, uint64_t second, int64_t value) {
        if (value != VALUE_NONE && overlaps(a, second, 1))
                add(a, second, &(Rollup) { .n = 1, .min = value, .max = value, .sum = value });
}

/* From sums of what is kept to what people read. */
static void finish(Answer *a) {
        double scale = series_info(a->series)->scale;

        for (size_t i = 0; i < a->n; i++) {
                HistoryPoint *p = &a->points[i];

                p->at = (a->from + i * a->step) * USEC_PER_SEC;
                p->avg = p->n > 0 ? p->avg / scale / (double) p->n : NAN;
                p->min = p->n > 0 ? p->min / scale : NAN;
                p->max = p->n > 0 ? p->max / scale : NAN;
        }
}

/* --- Hours that are sealed --- */

enum {
        COLUMN_HOUR,
        COLUMN_N,
        COLUMN_MIN,
        COLUMN_MAX,
        COLUMN_SUM,
        COLUMN_MINUTES,
        COLUMN_SAMPLES,
        COLUMN_TIMES,
        COLUMN_N_TIMES,
};

static int add_samples(Answer *a, Packer *packer, sqlite3_stmt *s, uint64_t hour, const bool wanted[static BLOCK_MINUTES]) {
        _cleanup_(hour_times_done) HourTimes times = {};
        _cleanup_(freep) int64_t *values = NULL;
        int r;

        r = hour_times_unpack(packer, sqlite3_column_blob(s, COLUMN_TIMES), (size_t) sqlite3_column_bytes(s, COLUMN_TIMES),
                              (uint64_t) sqlite3_column_int64(s, COLUMN_N_TIMES), hour, &times);
        if (r < 0)
                return r;
        values = calloc(times.n, sizeof(int64_t));
        if (!values)
                return -ENOMEM;
        r = block_read_samples(packer, sqlite3_column_blob(s, COLUMN_SAMPLES),
                               (size_t) sqlite3_column_bytes(s, COLUMN_SAMPLES), values, times.n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < times.n; i++)
                if (wanted[times.seconds[i] / 60])
                        add_value(a, hour * SECONDS_PER_HOUR + times.seconds[i], values[i]);
        return 0;
}

static int add_minutes(Answer *a, Packer *packer, sqlite3_stmt *s, uint64_t hour) {
        Rollup minutes[BLOCK_MINUTES];
        bool rest[BLOCK_MINUTES], any = false;
        int r;

        r = block_read_minutes(packer, sqlite3_column_blob(s, COLUMN_MINUTES),
                               (size_t) sqlite3_column_bytes(s, COLUMN_MINUTES), minutes);
        if (r < 0)
                return r;
        for (size_t i = 0; i < BLOCK_MINUTES; i++) {
                uint64_t second = hour * SECONDS_PER_HOUR + i * 60;
                bool whole = fits(a, second, 60);

                if (whole)
                        add(a, second, &minutes[i]);
                rest[i] = !whole && minutes[i].n > 0 && overlaps(a, second, 60);
                any |= rest[i];
        }
        return any ? add_samples(a, packer, s, hour, rest) : 0;
}

/* The coarsest figures of which all is one point's; at the edges of points finer ones. */
static int add_block(Answer *a, Packer *packer, sqlite3_stmt *s) {
        uint64_t hour = (uint64_t) sqlite3_column_int64(s, COLUMN_HOUR);

        if (!fits(a, hour * SECONDS_PER_HOUR, SECONDS_PER_HOUR))
                return add_minutes(a, packer, s, hour);
        add(a, hour * SECONDS_PER_HOUR, &(Rollup) {
                .n = (uint64_t) sqlite3_column_int64(s, COLUMN_N),
                .min = sqlite3_column_int64(s, COLUMN_MIN),
                .max = sqlite3_column_int64(s, COLUMN_MAX),
                .sum = sqlite3_column_int64(s, COLUMN_SUM),
        });
        return 0;
}

static int add_blocks(History *h, Answer *a, uint32_t service) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Packer *packer;
        int r;

        r = history_packer(h, &packer);
        if (r >= 0)
                r = statement_get(h, STATEMENT_BLOCKS,
                                  "SELECT hour, b.n, min, max, sum, minutes, b.samples, times, h.n FROM hour h CROSS JOIN "
                                  "block b ON b.key = (h.hour << 18 | ?3) WHERE h.hour >= ?1 AND h.hour <= ?2", &s);
        if (r >= 0)
                r = statement_bind(h, s, "uui", a->from / SECONDS_PER_HOUR, (a->to - 1) / SECONDS_PER_HOUR,
                                   block_key(0, service, a->series));
        while (r >= 0 && (r = statement_step(h, s)) > 0) {
                r = add_block(a, packer, s);
                if (r != -EBADMSG)
                        continue;
                if (!h->blob_complained)
                        log_warning("%s: a figure of hour %lld cannot be read, so it is left out", h->path,
                                    (long long) sqlite3_column_int64(s, COLUMN_HOUR));
                h->blob_complained = true;
                r = 0;
        }
        return r;
}

/* --- Ticks --- */

static int add_tick(Answer *a, uint64_t second, TickReader *reader, uint32_t service) {
        int64_t values[_SERIES_MAX];
        int r;

        while ((r = tick_reader_next(reader)) > 0 && reader->service != service)
                ;
        if (r > 0)
                r = tick_reader_values(reader, values);
        if (r >= 0 && reader->service == service)
                add_value(a, second, values[a->series]);
        return r == -EBADMSG ? 0 : r; /* the seal will say so */
}

static int add_ticks(History *h, Answer *a, uint32_t service) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        TickReader reader;
        uint64_t second;
        int r;

        r = ticks_select(h, a->from, a->to, &s);
        while (r >= 0 && (r = ticks_next(h, s, &second, &reader)) > 0)
                r = add_tick(a, second, &reader, service);
        return r;
}

static int check(const HistoryQuery *query, uint64_t *ret_n) {
        uint64_t n;

        if ((unsigned) query->series >= _SERIES_MAX || query->step == 0 || query->step % USEC_PER_SEC != 0 ||
            query->from > query->to)
                return -EINVAL;
        n = (query->to - query->from) / query->step;
        if (n > HISTORY_POINTS_MAX)
                return -ERANGE;
        *ret_n = n;
        return 0;
}

int history_query(History *h, const HistoryQuery *query, HistoryPoint **ret, size_t *ret_n) {
        _cleanup_(freep) HistoryPoint *points = NULL;
        uint32_t service;
        uint64_t n;
        Answer a;
        int r;

        r = check(query, &n);
        if (r < 0)
                return r;
        points = calloc(MAX(n, 1U), sizeof(HistoryPoint));
        if (!points)
                return -ENOMEM;
        a = (Answer) {
                .series = query->series, .from = query->from / USEC_PER_SEC, .step = query->step / USEC_PER_SEC,
                .points = points, .n = (size_t) n,
        };
        a.to = a.from + n * a.step;
        r = n > 0 ? service_find(h, query->service, &service) : -ENOENT;
        if (r >= 0)
                r = add_blocks(h, &a, service);
        if (r >= 0)
                r = add_ticks(h, &a, service);
        if (r < 0 && r != -ENOENT)
                return r;
        finish(&a);
        *ret = TAKE_PTR(points);
        *ret_n = a.n;
        return 0;
}
