/* SPDX-License-Identifier: MIT */
#include "ledger-internal.h"

int ledger_extend(Ledger *l, int64_t request, unsigned n, uint64_t expires) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool own;
        int r;

        if (!time_valid(expires))
                return -EINVAL;
        r = transaction_enter(l, &own);
        if (r < 0)
                return r;
        r = statement_get(l, STATEMENT_EXTEND, "UPDATE reservation SET expires = ?3 WHERE request = ?1 AND n = ?2", &s);
        if (r >= 0)
                r = statement_bind(l, s, "iuu", request, (uint64_t) n, expires);
        if (r >= 0)
                r = statement_run(l, s);
        if (r >= 0 && sqlite3_changes(l->db) == 0)
                r = -ENOENT;
        return transaction_leave(l, own, r);
}
