/* SPDX-License-Identifier: MIT */
#include "ledger-internal.h"

static int execute(Ledger *l, StatementId id, const char *sql) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, id, sql, &s);
        return r < 0 ? r : statement_run(l, s);
}

int ledger_begin(Ledger *l) {
        int r;

        if (l->mode != LEDGER_WRITE)
                return -EROFS;
        if (l->in_transaction)
                return -EBUSY;
        r = execute(l, STATEMENT_BEGIN, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        l->in_transaction = true;
        return 0;
}

static void roll_back(Ledger *l) {
        if (!sqlite3_get_autocommit(l->db)) /* SQLite has done it itself after some errors */
                (void) execute(l, STATEMENT_ROLLBACK, "ROLLBACK"); /* nothing is kept of it, whatever that says */
        l->in_transaction = false;
        l->failed = 0;
}

int ledger_commit(Ledger *l) {
        int r;

        if (!l->in_transaction)
                return -EINVAL;
        r = l->failed;
        if (r == 0)
                r = execute(l, STATEMENT_COMMIT, "COMMIT");
        if (r < 0) {
                roll_back(l);
                return r;
        }
        l->in_transaction = false;
        return 0;
}

void ledger_rollback(Ledger *l) {
        if (l->in_transaction)
                roll_back(l);
}

int transaction_enter(Ledger *l, bool *ret_own) {
        bool own = !l->in_transaction;
        int r = own ? ledger_begin(l) : l->failed;

        if (r >= 0)
                *ret_own = own;
        return r;
}

int transaction_leave(Ledger *l, bool own, int r) {
        int error;

        if (!own)
                return r;
        error = ledger_commit(l);
        return error < 0 ? error : r;
}
