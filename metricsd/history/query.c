/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "history-internal.h"
#include "tick.h"

typedef struct Answer {
        const HistoryQuery *query;
        uint64_t from, to, step; /* seconds */
        HistoryPoint *points;
        size_t n;
} Answer;

static void add(Answer *a, uint64_t second, uint64_t n, double sum, double min, double max) {
        HistoryPoint *p;

        if (second < a->from || second >= a->to || n == 0)
                return;
        p = &a->points[(second - a->from) / a->step];
        p->avg = p->n > 0 ? p->avg + sum : sum;
        p->min = p->n > 0 ? MIN(p->min, min) : min;
        p->max = p->n > 0 ? MAX(p->max, max) : max;
        p->n += n;
}

static int add_tick_row(Answer *a, uint64_t second, const void *data, size_t size, uint32_t service) {
        int64_t values[_SERIES_MAX];
        TickReader reader;
        int r;

        tick_reader_init(&reader, data, size);
        while ((r = tick_reader_next(&reader)) > 0) {
                if (reader.service != service)
                        continue;
                r = tick_reader_values(&reader, values);
                if (r >= 0 && values[a->query->series] != VALUE_NONE)
                        add(a, second, 1, (double) values[a->query->series], (double) values[a->query->series],
                            (double) values[a->query->series]);
                break;
        }
        return MIN(r, 0);
}

static int add_ticks(History *h, Answer *a, uint32_t service) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_TICKS, "SELECT at, data FROM tick WHERE at >= ? AND at < ? ORDER BY at", &s);
        if (r >= 0)
                r = statement_bind(h, s, "uu", a->from, a->to);
        while (r >= 0 && (r = statement_step(h, s)) > 0)
                r = add_tick_row(a, (uint64_t) sqlite3_column_int64(s, 0), sqlite3_column_blob(s, 1),
                                 (size_t) sqlite3_column_bytes(s, 1), service);
        return r;
}

/* From sums of what is kept to what people read. */
static void finish(Answer *a) {
        double scale = series_info(a->query->series)->scale;

        for (size_t i = 0; i < a->n; i++) {
                HistoryPoint *p = &a->points[i];

                p->at = (a->from + i * a->step) * USEC_PER_SEC;
                p->avg = p->n > 0 ? p->avg / scale / (double) p->n : NAN;
                p->min = p->n > 0 ? p->min / scale : NAN;
                p->max = p->n > 0 ? p->max / scale : NAN;
        }
}

int history_query(History *h, const HistoryQuery *query, HistoryPoint **ret, size_t *ret_n) {
        _cleanup_(freep) HistoryPoint *points = NULL;
        Answer a = { .query = query };
        uint32_t service;
        uint64_t n;
        int r;

        if ((unsigned) query->series >= _SERIES_MAX || query->step == 0 || query->step % USEC_PER_SEC != 0 ||
            query->from > query->to)
                return -EINVAL;
        n = (query->to - query->from) / query->step;
        if (n > HISTORY_POINTS_MAX)
                return -ERANGE;
        points = calloc(MAX(n, 1U), sizeof(HistoryPoint));
        if (!points)
                return -ENOMEM;
        a.points = points;
        a.n = (size_t) n;
        a.step = query->step / USEC_PER_SEC;
        a.from = query->from / USEC_PER_SEC;
        a.to = a.from + n * a.step;
        r = service_find(h, query->service, &service);
        if (r >= 0)
                r = add_ticks(h, &a, service);
        if (r < 0 && r != -ENOENT)
                return r;
        finish(&a);
        *ret = TAKE_PTR(points);
        *ret_n = a.n;
        return 0;
}
