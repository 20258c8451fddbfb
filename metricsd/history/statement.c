/* SPDX-License-Identifier: MIT */
#include "statement.h"

#include <stdarg.h>

#include "history-internal.h"

int history_error(History *h, int code) {
        if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
                h->damaged = true;
        return sqlite_errno(h->db, code);
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
        va_list ap;
        int code;

        va_start(ap, types);
        code = sqlite_bind(s, types, ap);
        va_end(ap);
        return history_error(h, code);
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

void statements_free(History *h) {
        for (size_t i = 0; i < _STATEMENT_MAX; i++) {
                (void) sqlite3_finalize(h->statements[i]);
                h->statements[i] = NULL;
        }
}
