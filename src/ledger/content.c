/* SPDX-License-Identifier: MIT */
#include "content.h"

#include "basic/string-util.h"
#include "ledger-internal.h"
#include "shared/log.h"

#define CONTENT_FILE "content.db"
#define CONTENT_VERSION 1
#define BUSY_MSEC 2000

/* No WAL: that would keep what was deleted until it is full. */
#define SCHEMA                                                                                                                \
        "BEGIN IMMEDIATE;"                                                                                                    \
        "CREATE TABLE IF NOT EXISTS content (request INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL,"           \
        " expires INTEGER NOT NULL, prompt TEXT NOT NULL, answer BLOB NOT NULL) STRICT;"                                      \
        "CREATE INDEX IF NOT EXISTS content_expires ON content (expires);"                                                    \
        "PRAGMA user_version = 1;"                                                                                            \
        "COMMIT"

struct Content {
        sqlite3 *db;
};

Content *content_free(Content *c) {
        if (!c)
                return NULL;
        (void) sqlite3_close(c->db); /* fails only while there are statements */
        free(c);
        return NULL;
}

static int error_of(Content *c, int code) {
        return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID ? -EEXIST : sqlite_errno(c->db, code);
}

/* Bound, and at its first row: 1, or 0 for none. The caller ends *ret with statement_finish(). */
static int ask(Content *c, sqlite3_stmt **ret, const char *sql, const char *types, ...) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        va_list ap;
        int code;

        code = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
        if (code == SQLITE_OK) {
                va_start(ap, types);
                code = sqlite_bind(s, types, ap);
                va_end(ap);
        }
        if (code == SQLITE_OK)
                code = sqlite3_step(s);
        if (code != SQLITE_ROW && code != SQLITE_DONE)
                return error_of(c, code);
        *ret = TAKE_PTR(s);
        return code == SQLITE_ROW;
}

static int set_up(Content *c, LedgerMode mode, const char *path) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r, version;

        r = ask(c, &s, "PRAGMA user_version", "");
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        version = sqlite3_column_int(s, 0);
        if (version > CONTENT_VERSION) {
                log_error("%s was made by a newer version of TooLoo (format %d, known here: %d), so it is left alone; use that "
                          "version, or move the file away", path, version, CONTENT_VERSION);
                return -EPROTONOSUPPORT;
        }
        if (mode == LEDGER_READ)
                return version == CONTENT_VERSION ? 0 : -ENOENT;
        statement_finish(TAKE_PTR(s));
        return sqlite_errno(c->db, sqlite3_exec(c->db, "PRAGMA secure_delete = ON;" SCHEMA, NULL, NULL, NULL));
}

int content_open(const char *directory, LedgerMode mode, Content **ret) {
        _cleanup_(content_freep) Content *c = calloc(1, sizeof(Content));
        _cleanup_(freep) char *path = str_printf("%s/" CONTENT_FILE, directory);
        int flags = mode == LEDGER_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, code, r;

        if (!c || !path)
                return -ENOMEM;
        if (mode == LEDGER_WRITE)
                r = database_make_file(path);
        else
                r = access(path, F_OK) < 0 ? -errno : 0;
        if (r < 0)
                return r;
        code = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
        if (!c->db)
                return -ENOMEM;
        (void) sqlite3_extended_result_codes(c->db, 1); /* fails for no connection only */
        if (code == SQLITE_OK)
                code = sqlite3_busy_timeout(c->db, BUSY_MSEC);
        r = code == SQLITE_OK ? set_up(c, mode, path) : sqlite_errno(c->db, code);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int content_add(Content *c, const ContentEntry *entry) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        if (entry->request <= 0 || !time_valid(entry->at) || !time_valid(entry->expires))
                return -EINVAL;
        r = ask(c, &s, "INSERT INTO content (request, name, at, expires, prompt, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                "ituutb", entry->request, entry->name, entry->at, entry->expires, entry->prompt,
                entry->answer ? entry->answer : "", entry->answer_size);
        return MIN(r, 0);
}

int content_expire(Content *c, uint64_t now, uint64_t *ret_next) {
        _cleanup_(statement_finishp) sqlite3_stmt *deleted = NULL, *next = NULL;
        int r;

        r = ask(c, &deleted, "DELETE FROM content WHERE expires <= ?1", "u", now);
        if (r >= 0)
                r = ask(c, &next, "SELECT min(expires) FROM content", "");
        if (r < 0)
                return r;
        *ret_next = sqlite3_column_type(next, 0) == SQLITE_NULL ? UINT64_MAX : (uint64_t) sqlite3_column_int64(next, 0);
        return 0;
}

int content_tell(Content *c, const char *id, int (*tell)(const ContentEntry *entry, void *userdata), void *userdata) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r, code;

        r = ask(c, &s, "SELECT request, name, at, expires, prompt, answer FROM content"
                       " WHERE ?1 IS NULL OR name = ?1 OR CAST(request AS TEXT) = ?1 ORDER BY request", "t", id);
        while (r > 0) {
                r = tell(&(ContentEntry) {
                        .request = sqlite3_column_int64(s, 0), .name = statement_text(s, 1),
                        .at = (uint64_t) sqlite3_column_int64(s, 2), .expires = (uint64_t) sqlite3_column_int64(s, 3),
                        .prompt = statement_text(s, 4), .answer = sqlite3_column_blob(s, 5),
                        .answer_size = (size_t) sqlite3_column_bytes(s, 5),
                }, userdata);
                if (r < 0)
                        break;
                code = sqlite3_step(s);
                r = code == SQLITE_ROW ? 1 : error_of(c, code);
        }
        return MIN(r, 0);
}
