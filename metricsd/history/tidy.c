/* SPDX-License-Identifier: MIT */
#include "tidy.h"

#include "history-internal.h"

/* Rows that one step deletes, some milliseconds' worth. */
#define STEP_ROWS 256

typedef enum Unit {
        UNIT_USEC,
        UNIT_SECOND,
        UNIT_HOUR,
        UNIT_KEY,
} Unit;

/* ?1 is the oldest time that stays, ?2 the first that does not again, ?3 how many rows at most. An hour goes after its
 * blocks; services come last, when nothing of them is left. */
static const struct {
        StatementId id;
        Unit unit;
        const char *sql;
} expiries[] = {
        { STATEMENT_EXPIRE_TICKS, UNIT_SECOND,
          "DELETE FROM tick WHERE at IN (SELECT at FROM tick WHERE at < ?1 UNION ALL SELECT at FROM tick WHERE at >= ?2 "
          "LIMIT ?3)" },
        { STATEMENT_EXPIRE_BLOCKS, UNIT_KEY,
          "DELETE FROM block WHERE key IN (SELECT key FROM block WHERE key < ?1 UNION ALL SELECT key FROM block "
          "WHERE key >= ?2 LIMIT ?3)" },
        { STATEMENT_EXPIRE_HOURS, UNIT_HOUR,
          "DELETE FROM hour WHERE hour IN (SELECT hour FROM hour WHERE hour < ?1 UNION ALL SELECT hour FROM hour "
          "WHERE hour >= ?2 LIMIT ?3)" },
        { STATEMENT_EXPIRE_EVENTS, UNIT_USEC,
          "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ?1 UNION ALL SELECT id FROM event WHERE at >= ?2 "
          "LIMIT ?3)" },
        { STATEMENT_EXPIRE_ERRORS, UNIT_USEC,
          "DELETE FROM error WHERE rowid IN (SELECT rowid FROM error WHERE last < ?1 UNION ALL SELECT rowid FROM error "
          "WHERE last >= ?2 LIMIT ?3)" },
        { STATEMENT_EXPIRE_ALERTS, UNIT_USEC,
          "DELETE FROM alert WHERE rowid IN (SELECT rowid FROM alert WHERE resolved_at BETWEEN 1 AND ?1 - 1 "
          "UNION ALL SELECT rowid FROM alert WHERE resolved_at >= ?2 LIMIT ?3)" },
        { STATEMENT_EXPIRE_SERVICES, UNIT_HOUR,
          "DELETE FROM service WHERE number IN (SELECT number FROM service WHERE used < ?1 LIMIT ?3)" },
};

/* The oldest that stay when there are more than ?1. */
static const struct {
        StatementId id;
        uint64_t max;
        const char *sql;
} limits[] = {
        { STATEMENT_LIMIT_EVENTS, HISTORY_EVENTS_MAX,
          "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY at DESC, id DESC LIMIT ?2 OFFSET ?1)" },
        { STATEMENT_LIMIT_ALERTS, HISTORY_ALERTS_MAX,
          "DELETE FROM alert WHERE rowid IN (SELECT rowid FROM alert WHERE resolved_at > 0 "
          "ORDER BY resolved_at DESC, began DESC LIMIT ?2 OFFSET ?1)" },
};

static uint64_t in_unit(uint64_t hour, Unit unit) {
        switch (unit) {
        case UNIT_USEC:
                return hour * USEC_PER_HOUR;
        case UNIT_SECOND:
                return hour * SECONDS_PER_HOUR;
        case UNIT_KEY:
                return (uint64_t) block_key(hour, 0, 0);
        default:
                return hour;
        }
}

static int delete_bound(History *h, sqlite3_stmt *s) {
        int r = statement_run(h, s);

        return r < 0 ? r : sqlite3_changes(h->db);
}

/* How many rows are gone. */
static int expire(History *h, size_t i, uint64_t oldest, uint64_t end) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, expiries[i].id, expiries[i].sql, &s);
        if (r >= 0)
                r = statement_bind(h, s, "uuu", in_unit(oldest, expiries[i].unit), in_unit(end, expiries[i].unit),
                                   (uint64_t) STEP_ROWS);
        return r < 0 ? r : delete_bound(h, s);
}

static int limit(History *h, size_t i) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, limits[i].id, limits[i].sql, &s);
        if (r >= 0)
                r = statement_bind(h, s, "uu", limits[i].max, (uint64_t) STEP_ROWS);
        return r < 0 ? r : delete_bound(h, s);
}

/* In their order, up to the first that has something to delete. */
static int delete_some(History *h, uint64_t hour) {
        uint64_t span = HISTORY_DAYS * 24, oldest = hour > span ? hour - span : 0;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(expiries) && r == 0; i++)
                r = expire(h, i, oldest, hour + span);
        for (size_t i = 0; i < ELEMENTSOF(limits) && r == 0; i++)
                r = limit(h, i);
        return r;
}

int tidy_step(History *h, uint64_t now) {
        int r;

        r = transaction_begin(h, PROBLEM_SEAL);
        if (r < 0)
                return r;
        r = transaction_end(h, PROBLEM_SEAL, delete_some(h, now / USEC_PER_HOUR));
        if (r > 0)
                services_clear(&h->services);
        return MIN(r, 1);
}
