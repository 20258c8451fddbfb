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

/* A file that is none of ours is not ours to write into. */
static int check_version(Content *c, const char *path, int *ret) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r, version;

        r = ask(c, &s, "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version", "");
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        version = sqlite3_column_int(s, 0);
        if (version > CONTENT_VERSION) {
                log_error("%s was made by a newer version of TooLoo (format %d, known here: %d), so it is left alone; use that "
                          "version, or move the file away", path, version, CONTENT_VERSION);
                return -EPROTONOSUPPORT;
        }
        if (version < 0 || (version == 0 && sqlite3_column_int(s, 1) > 0))
                return -EBADMSG;
        *ret = version;
        return 0;
}

static int set_up(Content *c, LedgerMode mode, const char *path) {
        int r, version;

        r = check_version(c, path, &version);
        if (r < 0)
                return r;
        if (mode == LEDGER_READ)
                return version == CONTENT_VERSION ? 0 : -ENOENT;
        r = sqlite_errno(c->db, sqlite3_exec(c->db, "PRAGMA secure_delete = ON", NULL, NULL, NULL));
        return r < 0 || version == CONTENT_VERSION ? r : sqlite_errno(c->db, sqlite3_exec(c->db, SCHEMA, NULL, NULL, NULL));
}

int content_open(const char *directory, LedgerMode mode, Content **ret) {
        _cleanup_(content_freep) Content *c = calloc(1, sizeof(Content));
        _cleanup_(freep) char *path = str_printf("%s/" CONTENT_FILE, directory);
        int r;

        if (!c || !path)
                return -ENOMEM;
        r = database_connect(path, mode, &c->db);
        if (r >= 0)
                r = sqlite_errno(c->db, sqlite3_busy_timeout(c->db, BUSY_MSEC));
        if (r >= 0)
                r = set_up(c, mode, path);
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
