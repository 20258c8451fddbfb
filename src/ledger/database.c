/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ledger-internal.h"
#include "schema.h"
#include "shared/log.h"

/* The others write for milliseconds. */
#define BUSY_USEC (2 * USEC_PER_SEC)

/* SQLite's own sleeps up to 100 ms at a time, which is too long for who holds up a stream meanwhile. */
static int wait_for_others(void *userdata, int n) {
        Ledger *l = userdata;
        uint64_t now = now_usec();

        if (n == 0)
                l->busy_since = now;
        if (now - l->busy_since >= BUSY_USEC)
                return 0;
        /* A signal ends it early, and then it is asked again. */
        (void) nanosleep(&(struct timespec) { .tv_nsec = n < 16 ? 200000 : 1000000 }, NULL);
        return 1;
}

/* A number that a pragma or a query of one row gives. */
static int read_number(Ledger *l, const char *sql, int64_t *ret) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = statement_once(l, sql, &s);
        if (r >= 0)
                r = statement_step(l, s);
        if (r < 0)
                return r;
        *ret = sqlite3_column_int64(s, 0);
        return 0;
}

/* SQLite would make the file readable for all, and could not say why it cannot. One that is there is not opened: to close it
 * would take the locks away that another connection of this process has on it (fcntl(2)), and the next program to close the
 * ledger would take itself for the last and delete the WAL that this process goes on writing. */
static int make_file(const char *path) {
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);

        if (fd >= 0)
                return 0;
        return errno != EEXIST || access(path, R_OK | W_OK) < 0 ? -errno : 0;
}

int database_connect(const char *path, LedgerMode mode, sqlite3 **ret) {
        int flags = mode == LEDGER_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
        int code, r;

        if (mode == LEDGER_WRITE)
                r = make_file(path);
        else
                r = access(path, F_OK) < 0 ? -errno : 0;
        if (r < 0)
                return r;
        code = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
        if (!*ret)
                return -ENOMEM;
        (void) sqlite3_extended_result_codes(*ret, 1); /* fails for no connection only */
        return sqlite_errno(*ret, code);
}

/* What a file that is none of ours holds is not ours to write into. */
static int check_version(Ledger *l, const char *path, int64_t *ret) {
        int64_t version = 0, tables = 0;
        int r;

        r = read_number(l, "PRAGMA user_version", &version);
        if (r >= 0 && version == 0)
                r = read_number(l, "SELECT count(*) FROM sqlite_schema", &tables);
        if (r < 0)
                return r;
        if (version > (int64_t) n_ledger_migrations) {
                log_error("%s was made by a newer version of TooLoo (format %lld, known here: %zu), so it is left alone; "
                          "use that version, or move the file away", path, (long long) version, n_ledger_migrations);
                /* Or else the end of this connection would write what lies in the log into the file. */
                (void) sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                return -EPROTONOSUPPORT;
        }
        if (version < 0 || tables > 0)
                return -EBADMSG;
        *ret = version;
        return 0;
}

/* The journal's mode is part of the file, so it is set in those alone that are ours. */
static int set_journal(Ledger *l) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = statement_once(l, "PRAGMA journal_mode = WAL", &s);
        if (r >= 0)
                r = statement_step(l, s);
        if (r < 0)
                return r;
        return streq(strna(statement_text(s, 0)), "wal") ? 0 : -EOPNOTSUPP;
}

static int migrate(Ledger *l, size_t from) {
        char version[64];
        int r;

        r = statement_execute(l, "BEGIN IMMEDIATE");
        for (size_t i = from; i < n_ledger_migrations && r >= 0; i++)
                r = statement_execute(l, ledger_migrations[i]);
        (void) snprintf(version, sizeof(version), "PRAGMA user_version = %zu", n_ledger_migrations);
        if (r >= 0)
                r = statement_execute(l, version);
        if (r >= 0)
                r = statement_execute(l, "COMMIT");
        if (r < 0 && !sqlite3_get_autocommit(l->db))
                (void) statement_execute(l, "ROLLBACK"); /* the error that counts is the one before */
        return r;
}

/* Services start together, and SQLite does not wait where two of them switch to the WAL at once. So one makes it, and the
 * others find it made. */
static int make_tables(Ledger *l, const char *directory, const char *path) {
        _cleanup_(closep) int lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int64_t version;
        int r;

        if (lock < 0 || flock(lock, LOCK_EX) < 0)
                return -errno;
        r = check_version(l, path, &version);
        if (r < 0 || version == (int64_t) n_ledger_migrations)
                return r;
        r = set_journal(l);
        return r < 0 ? r : migrate(l, (size_t) version);
}

static int open_in(Ledger *l, const char *directory) {
        _cleanup_(freep) char *path = str_printf("%s/" LEDGER_FILE, directory);
        int64_t version;
        int r;

        if (!path)
                return -ENOMEM;
        r = database_connect(path, l->mode, &l->db);
        if (r >= 0)
                r = ledger_error(l, sqlite3_busy_handler(l->db, wait_for_others, l));
        if (r >= 0)
                r = check_version(l, path, &version);
        if (r < 0)
                return r;
        if (version < (int64_t) n_ledger_migrations)
                r = l->mode == LEDGER_WRITE ? make_tables(l, directory, path) : -ENOENT;
        if (r >= 0)
                r = statement_execute(l, "PRAGMA cache_size = -1024; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;"
                                         "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                                         "PRAGMA journal_size_limit = 4194304");
        return r;
}

int ledger_open(const char *directory, LedgerMode mode, Ledger **ret) {
        _cleanup_(ledger_freep) Ledger *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->mode = mode;
        r = mode == LEDGER_WRITE ? mkdir_parents(directory, 0700) : 0;
        if (r >= 0)
                r = open_in(l, directory);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Ledger *ledger_free(Ledger *l) {
        if (!l)
                return NULL;
        ledger_rollback(l);
        statements_free(l);
        (void) sqlite3_close(l->db); /* fails only while there are statements */
        free(l);
        return NULL;
}

sqlite3 *ledger_database(Ledger *l) {
        return l->db;
}
