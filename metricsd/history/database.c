/* SPDX-License-Identifier: MIT */
#include "database.h"

#include <fcntl.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "damage.h"
#include "history-internal.h"
#include "shared/log.h"

/* Who looks into the file with other programs must not keep us waiting; a lock is held for milliseconds at most. */
#define BUSY_MSEC 50

/* Each takes a database from the version that is its place to the next. What stands in one that has been released never
 * changes: a new version gets a new one at the end.
 *
 * tick    one row for all services, of the hours that are not sealed: tick.h. at is in seconds
 * hour    the seconds in which there were ticks: hour.h. hour counts from 1970
 * block   one series of one service in one hour: block.h */
static const char *const migrations[] = {
        "CREATE TABLE service (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, used INTEGER NOT NULL);"
        "CREATE TABLE text (name TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL);"
        "CREATE TABLE alert (id TEXT NOT NULL PRIMARY KEY, began INTEGER NOT NULL, resolved_at INTEGER NOT NULL,"
        " json TEXT NOT NULL);"
        "CREATE INDEX alert_order ON alert (resolved_at, began);"
        "CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, service TEXT, kind INTEGER NOT NULL,"
        " cause TEXT, text TEXT, detail TEXT, invocation_id TEXT, cursor TEXT);"
        "CREATE INDEX event_at ON event (at);"
        "CREATE TABLE error (service TEXT NOT NULL, fingerprint INTEGER NOT NULL, message TEXT, sample TEXT,"
        " message_id TEXT, code_func TEXT, priority INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL,"
        " last INTEGER NOT NULL, cursor TEXT, UNIQUE (service, fingerprint));"
        "CREATE INDEX error_of_service ON error (service, last);"
        "CREATE INDEX error_last ON error (last);"
        "CREATE TABLE tick (at INTEGER PRIMARY KEY, data BLOB NOT NULL);"
        "CREATE TABLE hour (hour INTEGER PRIMARY KEY, n INTEGER NOT NULL, times BLOB NOT NULL,"
        " samples INTEGER NOT NULL, blob_bytes INTEGER NOT NULL, rollup_bytes INTEGER NOT NULL);"
        "CREATE TABLE block (key INTEGER PRIMARY KEY, n INTEGER NOT NULL, min INTEGER NOT NULL, max INTEGER NOT NULL,"
        " sum INTEGER NOT NULL, minutes BLOB NOT NULL, samples BLOB NOT NULL);",
};

int database_execute(History *h, const char *sql) {
        return history_error(h, sqlite3_exec(h->db, sql, NULL, NULL, NULL));
}

/* A number that a pragma or a query of one row gives. */
static int read_number(History *h, const char *sql, int64_t *ret) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = statement_once(h, sql, &s);
        if (r >= 0)
                *ret = sqlite3_column_int64(s, 0);
        return r;
}

/* SQLite would make the file readable for all, and could not say why it cannot. */
static int make_file(History *h) {
        _cleanup_(closep) int fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

        return fd < 0 ? -errno : 0;
}

static int on_commit(void *userdata, sqlite3 *db, const char *name, int pages) {
        ((History *) userdata)->wal_pages = pages;
        return SQLITE_OK;
}

static int connect_to(History *h) {
        int code, r;

        r = make_file(h);
        if (r < 0)
                return r;
        code = sqlite3_open_v2(h->path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (!h->db)
                return -ENOMEM;
        (void) sqlite3_extended_result_codes(h->db, 1); /* fails for no connection only */
        if (code == SQLITE_OK)
                code = sqlite3_busy_timeout(h->db, BUSY_MSEC);
        return history_error(h, code);
}

/* A small cache, for the kernel has another. The journal's mode is part of the file, so it is set in those alone that are
 * ours. */
static int configure(History *h) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = database_execute(h, "PRAGMA cache_size = -256; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                                "PRAGMA cell_size_check = ON; PRAGMA synchronous = NORMAL;"
                                "PRAGMA journal_size_limit = 4194304");
        if (r >= 0)
                r = statement_once(h, "PRAGMA journal_mode = WAL", &s);
        if (r < 0)
                return r;
        if (!streq(strna(statement_text(s, 0)), "wal"))
                return -EOPNOTSUPP;
        (void) sqlite3_wal_hook(h->db, on_commit, h); /* in place of SQLite's own, which would keep a tick waiting */
        return 0;
}

static int migrate(History *h, size_t from) {
        char version[64];
        int r;

        if (from == ELEMENTSOF(migrations))
                return 0;
        r = database_execute(h, "BEGIN IMMEDIATE");
        for (size_t i = from; i < ELEMENTSOF(migrations) && r >= 0; i++)
                r = database_execute(h, migrations[i]);
        (void) snprintf(version, sizeof(version), "PRAGMA user_version = %zu", ELEMENTSOF(migrations));
        if (r >= 0)
                r = database_execute(h, version);
        if (r >= 0)
                r = database_execute(h, "COMMIT");
        if (r < 0 && !sqlite3_get_autocommit(h->db))
                (void) database_execute(h, "ROLLBACK"); /* the error that counts is the one before */
        return r;
}

/* What a file that is none of ours holds is not ours to write into. */
static int check_version(History *h, int64_t *ret) {
        int64_t version = 0, tables = 0;
        int r;

        r = read_number(h, "PRAGMA user_version", &version);
        if (r >= 0 && version == 0)
                r = read_number(h, "SELECT count(*) FROM sqlite_schema", &tables);
        if (r < 0)
                return r;
        if (version > (int64_t) ELEMENTSOF(migrations)) {
                log_error("%s was made by a newer version of tooloo-metricsd (format %lld, known here: %zu), so it is left "
                          "alone; use that version, or move the file away", h->path,
                          (long long) version, ELEMENTSOF(migrations));
                /* Or else the end of this connection would write what lies in the log into the file. */
                (void) sqlite3_db_config(h->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                return -EPROTONOSUPPORT;
        }
        if (version < 0 || tables > 0)
                return -EBADMSG;
        *ret = version;
        return 0;
}

static int read_newest(History *h) {
        int64_t tick = 0, sealed = 0;
        int r;

        r = read_number(h, "SELECT coalesce(max(at), 0) FROM tick", &tick);
        if (r >= 0)
                r = read_number(h, "SELECT coalesce(max(hour), 0) * 3600 + 3599 FROM hour", &sealed);
        if (r < 0)
                return r;
        h->newest = (uint64_t) MAX(MAX(tick, sealed), 0);
        h->last = (uint64_t) MAX(tick, 0);
        return 0;
}

static int try_open(History *h) {
        int64_t version;
        int r;

        r = connect_to(h);
        if (r >= 0)
                r = check_version(h, &version);
        if (r >= 0)
                r = configure(h);
        if (r >= 0 && version > 0)
                r = damage_check(h);
        if (r >= 0)
                r = migrate(h, (size_t) version);
        if (r >= 0)
                r = read_newest(h);
        if (r < 0)
                database_close(h);
        return r;
}

int database_open(History *h) {
        _cleanup_(freep) char *aside = NULL;
        int r;

        r = h->damaged ? -EBADMSG : try_open(h);
        h->damaged = false; /* when it cannot be set aside, the next try looks again */
        if (r == -EBADMSG) {
                r = damage_set_aside(h, &aside);
                if (r >= 0)
                        r = try_open(h);
        }
        h->open_error = r;
        if (r < 0 || !aside)
                return r;
        /* What could not be packed or written back was of the other one. */
        history_set_problem(h, PROBLEM_SEAL, 0);
        history_set_problem(h, PROBLEM_CHECKPOINT, 0);
        damage_salvage(h, aside);
        return 0;
}

void database_close(History *h) {
        statements_free(h);
        services_clear(&h->services);
        seal_done(&h->seal);
        h->wal_pages = h->wal_done = 0;
        (void) sqlite3_close(h->db); /* fails only while there are statements */
        h->db = NULL;
}
