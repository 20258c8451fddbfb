/* SPDX-License-Identifier: MIT */
#include "tick.h"

#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "history-internal.h"
#include "hour.h"
#include "shared/log.h"

/* A clock that is set back by less is waited for: what would be collected in that time again is not kept twice. */
#define CLOCK_STEP_SECONDS 60

#define ENTRY_MAX (3 * VARINT_MAX + _SERIES_MAX * VARINT_MAX)

int64_t value_from_double(Series series, double value) {
        double scaled = value * series_info(series)->scale;

        if (!isfinite(value))
                return VALUE_NONE;
        if (scaled >= (double) VALUE_MAX)
                return VALUE_MAX;
        if (scaled <= (double) -VALUE_MAX)
                return -VALUE_MAX;
        return llround(scaled);
}

/* --- To be read --- */

void tick_reader_init(TickReader *reader, const void *data, size_t size) {
        const uint8_t *bytes = data;

        *reader = (TickReader) { .bytes = { .at = bytes, .end = bytes + size } };
}

int tick_reader_next(TickReader *reader) {
        uint64_t service, size;
        int r;

        if (bytes_left(&reader->bytes) == 0)
                return 0;
        r = varint_get(&reader->bytes, &service);
        if (r >= 0)
                r = varint_get(&reader->bytes, &size);
        if (r < 0)
                return r;
        if (service == 0 || service > HISTORY_SERVICES_MAX || size > bytes_left(&reader->bytes))
                return -EBADMSG;
        reader->service = (uint32_t) service;
        reader->values = (ByteReader) { .at = reader->bytes.at, .end = reader->bytes.at + size };
        reader->bytes.at += size;
        r = varint_get(&reader->values, &reader->series);
        return r < 0 ? r : 1;
}

int tick_reader_values(TickReader *reader, int64_t values[static _SERIES_MAX]) {
        uint64_t number;
        int r;

        for (size_t i = 0; i < _SERIES_MAX; i++) {
                values[i] = VALUE_NONE;
                if (!(reader->series & UINT64_C(1) << i))
                        continue;
                r = varint_get(&reader->values, &number);
                if (r < 0)
                        return r;
                values[i] = unzigzag(number);
                if (values[i] < -VALUE_MAX || values[i] > VALUE_MAX)
                        return -EBADMSG;
        }
        return 0;
}

int ticks_select(History *h, uint64_t from, uint64_t to, sqlite3_stmt **ret) {
        int r;

        r = statement_get(h, STATEMENT_TICKS, "SELECT at, data FROM tick WHERE at >= ? AND at < ? ORDER BY at", ret);
        return r < 0 ? r : statement_bind(h, *ret, "uu", from, to);
}

int ticks_next(History *h, sqlite3_stmt *s, uint64_t *ret_second, TickReader *ret) {
        int r;

        r = statement_step(h, s);
        if (r <= 0)
                return r;
        *ret_second = (uint64_t) sqlite3_column_int64(s, 0);
        tick_reader_init(ret, sqlite3_column_blob(s, 1), (size_t) sqlite3_column_bytes(s, 1));
        return 1;
}

/* --- To be written --- */

static uint8_t *put_entry(uint8_t *to, uint32_t service, const HistorySample *sample) {
        uint8_t values[ENTRY_MAX], *end;
        uint64_t series = 0;

        for (size_t i = 0; i < _SERIES_MAX; i++)
                if (isfinite(sample->values[i]))
                        series |= UINT64_C(1) << i;
        end = varint_put(values, series);
        for (size_t i = 0; i < _SERIES_MAX; i++)
                if (series & UINT64_C(1) << i)
                        end = varint_put(end, zigzag(value_from_double((Series) i, sample->values[i])));
        to = varint_put(to, service);
        to = varint_put(to, (uint64_t) (end - values));
        memcpy(to, values, (size_t) (end - values));
        return to + (end - values);
}

static int reserve_row(History *h, size_t n) {
        uint8_t *grown;

        if (h->row_size >= n * ENTRY_MAX)
                return 0;
        grown = realloc(h->row, n * ENTRY_MAX);
        if (!grown)
                return -ENOMEM;
        h->row = grown;
        h->row_size = n * ENTRY_MAX;
        return 0;
}

/* True when that was so before. */
static bool mark(uint8_t *bits, uint32_t number) {
        bool marked = bits[number / 8] & 1 << number % 8;

        bits[number / 8] |= (uint8_t) (1 << number % 8);
        return marked;
}

/* All of the row but what no number is left for. A service that comes twice would be counted twice. */
static int make_row(History *h, uint64_t hour, const HistorySample *samples, size_t n, size_t *ret_size) {
        uint8_t seen[HISTORY_SERVICES_MAX / 8 + 1] = {}, *end;
        int r;

        r = reserve_row(h, n);
        if (r < 0)
                return r;
        end = h->row;
        for (size_t i = 0; i < n; i++) {
                uint32_t number;

                r = service_add(h, samples[i].service, hour, &number);
                if (r == -E2BIG) {
                        services_complain(&h->services, samples[i].service);
                        continue;
                }
                if (r < 0)
                        return r;
                if (mark(seen, number))
                        return -EINVAL;
                end = put_entry(end, number, &samples[i]);
        }
        *ret_size = (size_t) (end - h->row);
        return 0;
}

static int put_row(History *h, uint64_t second, size_t size) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_ADD_TICK, "INSERT INTO tick (at, data) VALUES (?, ?) ON CONFLICT DO NOTHING", &s);
        if (r >= 0)
                r = statement_bind(h, s, "ub", second, h->row, size);
        if (r >= 0)
                r = statement_run(h, s);
        return r < 0 ? r : sqlite3_changes(h->db) > 0;
}

/* Also in an hour that is sealed, where the row would go in. */
static int is_there(History *h, uint64_t second) {
        _cleanup_(hour_times_done) HourTimes times = {};
        int r;

        if (second > h->newest)
                return 0;
        r = hour_times_load(h, second / SECONDS_PER_HOUR, &times);
        if (r <= 0)
                return r == -EBADMSG ? 0 : r;
        return hour_times_find(&times, second) >= 0;
}

static int add_row(History *h, uint64_t second, const HistorySample *samples, size_t n) {
        size_t size;
        int r;

        r = is_there(h, second);
        if (r != 0)
                return MIN(r, 0);
        r = make_row(h, second / SECONDS_PER_HOUR, samples, n, &size);
        if (r < 0)
                return r;
        r = put_row(h, second, size);
        if (r <= 0)
                return r;
        seal_disturb(&h->seal, second / SECONDS_PER_HOUR);
        h->last = second;
        h->newest = MAX(h->newest, second);
        return 1;
}

static int check_samples(const HistorySample *samples, size_t n) {
        if (n > HISTORY_SERVICES_MAX)
                return -E2BIG;
        for (size_t i = 0; i < n; i++)
                if (!samples[i].service || samples[i].service[0] == '\0' ||
                    strlen(samples[i].service) > HISTORY_SERVICE_ID_MAX)
                        return -EINVAL;
        return 0;
}

int history_add_tick(History *h, uint64_t at, const HistorySample *samples, size_t n) {
        uint64_t second = at / USEC_PER_SEC;
        bool own;
        int r, added;

        r = check_samples(samples, n);
        if (r < 0)
                return r;
        if (second <= h->last && h->last - second <= CLOCK_STEP_SECONDS)
                return 0;
        r = transaction_enter(h, &own);
        if (r < 0) {
                h->ticks_lost++;
                return r;
        }
        h->n_ticks++; /* until it is on the disk */
        added = add_row(h, second, samples, n);
        if (added == 0)
                h->n_ticks--;
        r = transaction_leave(h, own, added);
        return r < 0 ? r : added;
}
