/* SPDX-License-Identifier: MIT */
#include "statement.h"

#include <stdarg.h>

#include "ledger-internal.h"

/* The error of the disk itself, where SQLite has kept it. */
static int system_error(sqlite3 *db) {
        int error = db ? sqlite3_system_errno(db) : 0;

        return error > 0 ? -error : -EIO;
}

static int error_of(Ledger *l, int code) {
        switch (code & 0xff) {
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
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
                return system_error(l->db);
        default: /* CORRUPT, NOTADB, or ERROR: a table that is not there, say */
                return -EBADMSG;
        }
}

int ledger_error(Ledger *l, int code) {
        int r;

        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
                return 0;
        if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
                return -EEXIST;
        if (code == SQLITE_CONSTRAINT_FOREIGNKEY || code == SQLITE_CONSTRAINT_CHECK) /* no row is its own parent */
                return -ESRCH;
        r = error_of(l, code);
        if (l->in_transaction && l->failed == 0)
                l->failed = r;
        return r;
}

int statement_get(Ledger *l, StatementId id, const char *sql, sqlite3_stmt **ret) {
        int r;

        if (!l->statements[id]) {
                r = sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &l->statements[id], NULL);
                if (r != SQLITE_OK)
                        return ledger_error(l, r);
        }
        *ret = l->statements[id];
        return 0;
}

void statement_done(sqlite3_stmt *s) {
        (void) sqlite3_reset(s); /* says again what the step has said */
        (void) sqlite3_clear_bindings(s);
}

int statement_step(Ledger *l, sqlite3_stmt *s) {
        int r = sqlite3_step(s);

        return r == SQLITE_ROW ? 1 : ledger_error(l, r);
}

int statement_run(Ledger *l, sqlite3_stmt *s) {
        int r = statement_step(l, s);

        (void) sqlite3_reset(s);
        return MIN(r, 0);
}

int statement_bind(Ledger *l, sqlite3_stmt *s, const char *types, ...) {
        int r = SQLITE_OK;
        va_list ap;

        va_start(ap, types);
        for (int i = 0; types[i] != '\0' && r == SQLITE_OK; i++) {
                if (types[i] == 'u')
                        r = sqlite3_bind_int64(s, i + 1, (int64_t) va_arg(ap, uint64_t));
                else if (types[i] == 'i')
                        r = sqlite3_bind_int64(s, i + 1, va_arg(ap, int64_t));
                else if (types[i] == 'k') {
                        int64_t number = va_arg(ap, int64_t);

                        r = number == 0 ? sqlite3_bind_null(s, i + 1) : sqlite3_bind_int64(s, i + 1, number);
                } else if (types[i] == 't')
                        r = sqlite3_bind_text(s, i + 1, va_arg(ap, const char *), -1, SQLITE_STATIC);
                else {
                        const void *data = va_arg(ap, const void *);

                        r = sqlite3_bind_blob64(s, i + 1, data, va_arg(ap, size_t), SQLITE_STATIC);
                }
        }
        va_end(ap);
        return ledger_error(l, r);
}

int statement_once(Ledger *l, const char *sql, sqlite3_stmt **ret) {
        return ledger_error(l, sqlite3_prepare_v2(l->db, sql, -1, ret, NULL));
}

void statement_finish(sqlite3_stmt *s) {
        (void) sqlite3_finalize(s); /* says again what the step has said */
}

int statement_execute(Ledger *l, const char *sql) {
        return ledger_error(l, sqlite3_exec(l->db, sql, NULL, NULL, NULL));
}

void statements_free(Ledger *l) {
        for (size_t i = 0; i < _STATEMENT_MAX; i++) {
                (void) sqlite3_finalize(l->statements[i]);
                l->statements[i] = NULL;
        }
}
