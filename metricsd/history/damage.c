/* SPDX-License-Identifier: MIT */
#include "damage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "history-internal.h"
#include "shared/log.h"

#define ASIDE ".damaged-"
#define ASIDE_KEPT 3

/* All of a file of this size is looked at when it is opened. */
#define CHECK_ALL_MAX (16 * 1024 * 1024)

/* --- Is it? --- */

/* Whatever SQLite finds is one row that is not "ok", or an error: of a table that is not there, too. */
static int check(History *h, const char *pragma) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = statement_once(h, pragma, &s);
        if (r < 0)
                return r;
        return streq(strna(statement_text(s, 0)), "ok") ? 0 : -EBADMSG;
}

/* Blocks are nearly all of a big file, and reading all of it would keep the daemon from its start; what is wrong with one of
 * them shows when it is used. Everything else is small. */
static int check_all_but_blocks(History *h) {
        static const char *const pragmas[] = {
                "PRAGMA quick_check(service)", "PRAGMA quick_check(text)", "PRAGMA quick_check(alert)",
                "PRAGMA quick_check(event)", "PRAGMA quick_check(error)", "PRAGMA quick_check(tick)",
                "PRAGMA quick_check(hour)", "SELECT 'ok' FROM (SELECT count(key) FROM block WHERE key < 0)",
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(pragmas) && r >= 0; i++)
                r = check(h, pragmas[i]);
        return r;
}

int damage_check(History *h) {
        struct stat st;
        int r;

        if (stat(h->path, &st) < 0)
                return -errno;
        r = check_all_but_blocks(h);
        if (r >= 0 && st.st_size <= CHECK_ALL_MAX)
                r = check(h, "PRAGMA quick_check");
        return r;
}

/* --- Out of the way --- */

static int is_aside(const struct dirent *entry) {
        const char *rest = strstr(entry->d_name, ASIDE);

        return rest && !endswith(rest, "-wal") && !endswith(rest, "-shm");
}

static void remove_aside(const char *directory, const char *name) {
        static const char *const suffixes[] = { "", "-wal", "-shm" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_(freep) char *path = str_printf("%s/%s%s", directory, name, suffixes[i]);

                if (path)
                        (void) unlink(path); /* there may be none */
        }
}

/* A disk that goes on failing must not fill up with what it has spoilt. Their names sort by date. */
static void remove_oldest(const History *h) {
        _cleanup_(freep) char *directory = strdup(h->path);
        struct dirent **list = NULL;
        int n;

        if (!directory)
                return;
        *strrchr(directory, '/') = '\0';
        n = scandir(directory, &list, is_aside, alphasort);
        for (int i = 0; i < n; i++) {
                if (i < n - ASIDE_KEPT)
                        remove_aside(directory, list[i]->d_name);
                free(list[i]);
        }
        free(list);
}

/* With its WAL, without which the newest of it could not be read. The database goes first: SQLite deletes a WAL that is found
 * beside an empty database, but would take one over for what it does not belong to. */
static int move(const char *path, const char *name) {
        _cleanup_(freep) char *wal = str_printf("%s-wal", path), *wal_name = str_printf("%s-wal", name);

        if (!wal || !wal_name)
                return -ENOMEM;
        if (renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) < 0)
                return -errno;
        if (rename(wal, wal_name) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

int damage_set_aside(History *h, char **ret_name) {
        _cleanup_(freep) char *name = NULL;
        char now[ISO8601_MAX];
        int r;

        name = str_printf("%s" ASIDE "%s", h->path, format_iso8601(now, now_realtime_usec()));
        if (!name)
                return -ENOMEM;
        r = move(h->path, name);
        if (r < 0)
                return log_errno(r, "%s is damaged, but cannot be set aside", h->path);
        log_error("%s is damaged: it is now %s, and a new one takes its place", h->path, name);
        remove_oldest(h);
        *ret_name = TAKE_PTR(name);
        return 0;
}

/* --- What can be read of it --- */

static int copy_text(History *h, sqlite3_stmt *s) {
        const char *name = statement_text(s, 0), *text = statement_text(s, 1);

        return name && text ? history_put_text(h, name, text, false) : -EINVAL;
}

static int copy_alert(History *h, sqlite3_stmt *s) {
        const char *id = statement_text(s, 0), *json = statement_text(s, 3);

        if (!id || !json)
                return -EINVAL;
        return history_put_alert(h, id, (uint64_t) sqlite3_column_int64(s, 1), (uint64_t) sqlite3_column_int64(s, 2), json);
}

/* Up to where it is damaged. What is no row of ours is left out. */
static int copy_rows(History *h, sqlite3 *from, const char *sql, int (*copy)(History *h, sqlite3_stmt *s)) {
        sqlite3_stmt *s = NULL;
        int r = 0;

        if (sqlite3_prepare_v2(from, sql, -1, &s, NULL) == SQLITE_OK)
                while (r >= 0 && sqlite3_step(s) == SQLITE_ROW) {
                        r = copy(h, s);
                        if (r == -EINVAL || r == -EFBIG)
                                r = 0;
                }
        (void) sqlite3_finalize(s); /* says again what the step has said */
        return r;
}

/* From both ends. */
static int copy_all(History *h, sqlite3 *from) {
        static const struct {
                const char *sql;
                int (*copy)(History *h, sqlite3_stmt *s);
        } passes[] = {
                { "SELECT name, text FROM text ORDER BY rowid", copy_text },
                { "SELECT name, text FROM text ORDER BY rowid DESC", copy_text },
                { "SELECT id, began, resolved_at, json FROM alert ORDER BY rowid", copy_alert },
                { "SELECT id, began, resolved_at, json FROM alert ORDER BY rowid DESC", copy_alert },
        };
        int r;

        r = transaction_begin(h, PROBLEM_WRITE);
        if (r < 0)
                return r;
        transaction_make_durable(h);
        for (size_t i = 0; i < ELEMENTSOF(passes) && r >= 0; i++)
                r = copy_rows(h, from, passes[i].sql, passes[i].copy);
        return transaction_end(h, PROBLEM_WRITE, r);
}

void damage_salvage(History *h, const char *name) {
        sqlite3 *from = NULL;
        int r = 0;

        /* SQLite refuses all of a file that is cut off, unless it is told that somebody repairs it. */
        if (sqlite3_open_v2(name, &from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
            sqlite3_exec(from, "PRAGMA writable_schema = ON", NULL, NULL, NULL) == SQLITE_OK)
                r = copy_all(h, from);
        (void) sqlite3_close(from); /* fails only while there are statements */
        if (r < 0)
                (void) log_errno(r, "What %s can still tell of rules and alerts could not be copied", name);
}
