/* SPDX-License-Identifier: MIT */
#include "ledger-internal.h"

static int insert(Ledger *l, uint64_t at, const char *user, const char *kind, const char *detail, int64_t *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ADD_EVENT,
                          "INSERT INTO event (at, user, kind, detail) SELECT ?1, ?2, ?3, ?4 "
                          "WHERE ?4 IS NULL OR json_valid(?4)", &s);
        if (r >= 0)
                r = statement_bind(l, s, "uttt", at, user, kind, detail);
        if (r >= 0)
                r = statement_run(l, s);
        if (r < 0)
                return r;
        if (sqlite3_changes(l->db) == 0)
                return -EINVAL;
        *ret = sqlite3_last_insert_rowid(l->db);
        return 0;
}

int ledger_add_event(Ledger *l, uint64_t at, const char *user, const char *kind, const char *detail, int64_t *ret) {
        int64_t id = 0;
        bool own;
        int r;

        if (!time_valid(at) || !name_valid(user) || !name_valid(kind))
                return -EINVAL;
        if (detail && strnlen(detail, LEDGER_DETAIL_MAX + 1) > LEDGER_DETAIL_MAX)
                return -EFBIG;
        r = transaction_enter(l, &own);
        if (r < 0)
                return r;
        r = transaction_leave(l, own, insert(l, at, user, kind, detail, &id));
        if (r >= 0)
                *ret = id;
        return r;
}
