/* SPDX-License-Identifier: MIT */
#include "ledger.h"

int ledger_ask_v(Ledger *l, sqlite3_stmt **ret, const char *sql, const char *types, va_list ap) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        sqlite3 *db = ledger_database(l);
        int r;

        r = sqlite_errno(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL));
        if (r >= 0)
                r = sqlite_errno(db, sqlite_bind(s, types, ap));
        if (r >= 0)
                *ret = TAKE_PTR(s);
        return r;
}

int ledger_ask(Ledger *l, sqlite3_stmt **ret, const char *sql, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = ledger_ask_v(l, ret, sql, types, ap);
        va_end(ap);
        return r;
}

int ledger_next(sqlite3_stmt *s) {
        int code = sqlite3_step(s);

        return code == SQLITE_ROW ? 1 : sqlite_errno(sqlite3_db_handle(s), code);
}
