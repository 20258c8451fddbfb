/* SPDX-License-Identifier: MIT */
#include "statement.h"

#include <stdarg.h>

#include "history-internal.h"

/* The error of the disk itself, where SQLite has kept it. */
static int system_error(sqlite3 *db) {
        int error = db ? sqlite3_system_errno(db) : 0;

        return error > 0 ? -error : -EIO;
}

int history_error(History *h, int code) {
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                h->damaged = true;
                return -EBADMSG;
        case SQLITE_ERROR: /* a table that is not there, say */
                return -EBADMSG;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_TOOBIG:
                return -EFBIG;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_RANGE:
        case SQLITE_MISUSE:
                return -EINVAL;
        default: /* IOERR, CANTOPEN */
                return system_error(h->db);
        }
}

int statement_get(History *h, StatementId id, const char *sql, sqlite3_stmt **ret) {
        int r;

        if (!h->db)
                return h->open_error;
        if (!h->statements[id]) {
                r = sqlite3_prepare_v3(h->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &h->statements[id], NULL);
                if (r != SQLITE_OK)
                        return history_error(h, r);
        }
        *ret = h->statements[id];
        return 0;
}

void statement_done(sqlite3_stmt *s) {
        (void) sqlite3_reset(s); /* says again what the step has said */
        (void) sqlite3_clear_bindings(s);
}

int statement_step(History *h, sqlite3_stmt *s) {
        int r = sqlite3_step(s);

        return r == SQLITE_ROW ? 1 : history_error(h, r);
}

int statement_run(History *h, sqlite3_stmt *s) {
        int r = statement_step(h, s);

        (void) sqlite3_reset(s);
        return MIN(r, 0);
}

int statement_bind(History *h, sqlite3_stmt *s, const char *types, ...) {
        int r = SQLITE_OK;
        va_list ap;

        va_start(ap, types);
        for (int i = 0; types[i] != '\0' && r == SQLITE_OK; i++) {
                if (types[i] == 'u') {
                        uint64_t number = va_arg(ap, uint64_t);

                        r = sqlite3_bind_int64(s, i + 1, (int64_t) MIN(number, (uint64_t) INT64_MAX));
                } else if (types[i] == 'i')
                        r = sqlite3_bind_int64(s, i + 1, va_arg(ap, int64_t));
                else if (types[i] == 't')
                        r = sqlite3_bind_text(s, i + 1, va_arg(ap, const char *), -1, SQLITE_STATIC);
                else {
                        const void *data = va_arg(ap, const void *);

                        r = sqlite3_bind_blob64(s, i + 1, data ?: "", va_arg(ap, size_t), SQLITE_STATIC); /* NULL is none */
                }
        }
        va_end(ap);
        return history_error(h, r);
}

int statement_once(History *h, const char *sql, sqlite3_stmt **ret) {
        sqlite3_stmt *s = NULL;
        int code;

        code = sqlite3_prepare_v2(h->db, sql, -1, &s, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_step(s);
        if (code == SQLITE_ROW) {
                *ret = s;
                return 0;
        }
        (void) sqlite3_finalize(s); /* says again what the step has said */
        return code == SQLITE_DONE ? -ENODATA : history_error(h, code);
}

void statement_finish(sqlite3_stmt *s) {
        (void) sqlite3_finalize(s); /* says again what the step has said */
}

void statements_free(History *h) {
        for (size_t i = 0; i < _STATEMENT_MAX; i++) {
                (void) sqlite3_finalize(h->statements[i]);
                h->statements[i] = NULL;
        }
}
