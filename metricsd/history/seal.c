/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include "history-internal.h"
#include "shared/log.h"
#include "tick.h"

void seal_done(Seal *seal) {
        for (size_t i = 0; i < seal->n_blocks; i++)
                block_done(&seal->blocks[i]);
        free(seal->blocks);
        free(seal->services);
        hour_times_done(&seal->before);
        hour_times_done(&seal->times);
        *seal = (Seal) {};
}

void seal_disturb(Seal *seal, uint64_t hour) {
        if (seal->active && seal->hour == hour)
                seal_done(seal);
}

/* --- What there is in the hour --- */

static void mark(uint8_t *bits, uint32_t number) {
        bits[number / 8] |= (uint8_t) (1 << number % 8);
}

static int look_at_ticks(History *h, Seal *seal, uint8_t *services, uint16_t seconds[static SECONDS_PER_HOUR]) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        TickReader reader;
        uint64_t second;
        int r;

        r = ticks_select(h, seal->hour * SECONDS_PER_HOUR, (seal->hour + 1) * SECONDS_PER_HOUR, &s);
        while (r >= 0 && (r = ticks_next(h, s, &second, &reader)) > 0) {
                seconds[seal->n_ticks++] = (uint16_t) (second % SECONDS_PER_HOUR);
                while ((r = tick_reader_next(&reader)) > 0)
                        mark(services, reader.service);
                if (r == -EBADMSG) {
                        log_warning("%s: the tick of second %llu cannot be read, so what remains of it is left out", h->path,
                                    (unsigned long long) second);
                        r = 0;
                }
        }
        return r;
}

static int look_at_blocks(History *h, Seal *seal, uint8_t *services) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_BLOCK_KEYS, "SELECT key FROM block WHERE key >= ? AND key < ?", &s);
        if (r >= 0)
                r = statement_bind(h, s, "ii", block_key(seal->hour, 0, 0), block_key(seal->hour + 1, 0, 0));
        while (r >= 0 && (r = statement_step(h, s)) > 0)
                mark(services, block_service(sqlite3_column_int64(s, 0)));
        return r;
}

static int list_services(Seal *seal, const uint8_t *services) {
        seal->services = calloc(HISTORY_SERVICES_MAX, sizeof(uint32_t));
        if (!seal->services)
                return -ENOMEM;
        for (uint32_t number = 1; number <= HISTORY_SERVICES_MAX; number++)
                if (services[number / 8] & 1 << number % 8)
                        seal->services[seal->n_services++] = number;
        return 0;
}

/* All of both, ascending. */
static int merge_times(Seal *seal, const uint16_t *ticks) {
        const HourTimes *before = &seal->before;
        size_t i = 0, j = 0;

        seal->times.hour = seal->hour;
        seal->times.seconds = calloc(before->n + seal->n_ticks, sizeof(uint16_t));
        if (!seal->times.seconds)
                return -ENOMEM;
        while (i < before->n || j < seal->n_ticks) {
                bool first = j == seal->n_ticks || (i < before->n && before->seconds[i] <= ticks[j]);

                if (first && j < seal->n_ticks && before->seconds[i] == ticks[j])
                        j++; /* it counts once */
                seal->times.seconds[seal->times.n++] = first ? before->seconds[i++] : ticks[j++];
        }
        return 0;
}

static int look_at_hour(History *h, Seal *seal) {
        uint8_t services[HISTORY_SERVICES_MAX / 8 + 1] = {};
        uint16_t seconds[SECONDS_PER_HOUR] = {};
        int r;

        r = look_at_ticks(h, seal, services, seconds);
        if (r >= 0)
                r = hour_times_load(h, seal->hour, &seal->before);
        if (r == -EBADMSG && !h->damaged) {
                log_warning("%s: what was kept of hour %llu cannot be read, so it is replaced by what came later", h->path,
                            (unsigned long long) seal->hour);
                r = 0;
        }
        if (r > 0)
                r = look_at_blocks(h, seal, services);
        if (r >= 0)
                r = merge_times(seal, seconds);
        return r < 0 ? r : list_services(seal, services);
}

int seal_begin(History *h, uint64_t now) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint64_t hour;
        int r;

        r = statement_get(h, STATEMENT_OLDEST_TICK, "SELECT at FROM tick ORDER BY at LIMIT 1", &s);
        if (r >= 0)
                r = statement_step(h, s);
        if (r <= 0)
                return r;
        hour = (uint64_t) sqlite3_column_int64(s, 0) / SECONDS_PER_HOUR;
        if (hour >= now / USEC_PER_HOUR)
                return 0;
        h->seal = (Seal) { .active = true, .hour = hour };
        r = look_at_hour(h, &h->seal);
        if (r < 0)
                seal_done(&h->seal);
        return r < 0 ? r : 1;
}

/* --- All at once --- */

static int delete_ticks(History *h, const Seal *seal) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_DELETE_TICKS, "DELETE FROM tick WHERE at >= ? AND at < ?", &s);
        if (r >= 0)
                r = statement_bind(h, s, "uu", seal->hour * SECONDS_PER_HOUR, (seal->hour + 1) * SECONDS_PER_HOUR);
        if (r >= 0)
                r = statement_run(h, s);
        if (r < 0)
                return r;
        return (size_t) sqlite3_changes(h->db) == seal->n_ticks ? 0 : -ESTALE;
}

static int write_all_of_it(History *h, const Seal *seal) {
        int r = 0;

        for (size_t i = 0; i < seal->n_blocks && r >= 0; i++)
                r = block_save(h, &seal->blocks[i]);
        for (size_t i = 0; i < seal->n_services && r >= 0; i++)
                r = service_use(h, seal->services[i], seal->hour);
        if (r >= 0)
                r = hour_times_save(h, &seal->times, &seal->figures);
        return r < 0 ? r : delete_ticks(h, seal);
}

/* On failure what is packed stays, to be written once that can be done; but when somebody else has changed the ticks, all of it
 * is packed again. */
static int write_hour(History *h) {
        int r;

        r = transaction_begin(h, PROBLEM_SEAL);
        if (r < 0)
                return r;
        r = transaction_end(h, PROBLEM_SEAL, write_all_of_it(h, &h->seal));
        if (r < 0 && r != -ESTALE)
                return r;
        seal_done(&h->seal);
        return 1;
}

int seal_go_on(History *h) {
        int r;

        if (h->seal.next == h->seal.n_services)
                return write_hour(h);
        r = seal_pack_some(h);
        return r < 0 ? r : 1;
}
