/* SPDX-License-Identifier: MIT */
#include "statement.h"

#include <stdarg.h>

#include "ledger-internal.h"

int ledger_error(Ledger *l, int code) {
        int r;

        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
                return 0;
        if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
                return -EEXIST;
        if (code == SQLITE_CONSTRAINT_FOREIGNKEY || code == SQLITE_CONSTRAINT_CHECK) /* no row is its own parent */
                return -ESRCH;
        r = sqlite_errno(l->db, code);
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
        va_list ap;
        int code;

        va_start(ap, types);
        code = sqlite_bind(s, types, ap);
        va_end(ap);
        return ledger_error(l, code);
}

int statement_once(Ledger *l, const char *sql, sqlite3_stmt **ret) {
        return ledger_error(l, sqlite3_prepare_v2(l->db, sql, -1, ret, NULL));
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
