/* SPDX-License-Identifier: MIT */
#include "settle.h"

typedef struct Expired {
        int64_t request;
        unsigned n;
        uint64_t total;
} Expired;

#define EXPIRED_AT_ONCE 64

/* A batch of them, so that none is read from a table that is just being changed. */
static int collect(Ledger *l, uint64_t now, Expired ret[static EXPIRED_AT_ONCE]) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r, n = 0;

        r = statement_get(l, STATEMENT_EXPIRED,
                          "SELECT v.request, v.n, max(v.expires - a.at, 0) FROM reservation v "
                          "JOIN attempt a ON a.request = v.request AND a.n = v.n WHERE v.expires <= ? LIMIT ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "ui", now, (int64_t) EXPIRED_AT_ONCE);
        for (; r >= 0 && (r = statement_step(l, s)) > 0; n++)
                ret[n] = (Expired) {
                        .request = sqlite3_column_int64(s, 0),
                        .n = (unsigned) sqlite3_column_int64(s, 1),
                        .total = (uint64_t) sqlite3_column_int64(s, 2),
                };
        return r < 0 ? r : n;
}

static int expire(Ledger *l, uint64_t now, size_t *ret_n) {
        Expired batch[EXPIRED_AT_ONCE];
        size_t total = 0;
        int n, r;

        do {
                n = collect(l, now, batch);
                if (n < 0)
                        return n;
                for (int i = 0; i < n; i++) {
                        r = attempt_interrupt(l, batch[i].request, batch[i].n, batch[i].total);
                        if (r < 0)
                                return r;
                }
                total += (size_t) n;
        } while (n == EXPIRED_AT_ONCE);
        *ret_n = total;
        return 0;
}

static int next_expiry(Ledger *l, uint64_t *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_NEXT_EXPIRY, "SELECT min(expires) FROM reservation", &s);
        if (r >= 0)
                r = statement_step(l, s);
        if (r < 0)
                return r;
        *ret = sqlite3_column_type(s, 0) == SQLITE_NULL ? UINT64_MAX : (uint64_t) sqlite3_column_int64(s, 0);
        return 0;
}

/* Asked again and again by who waits for the next one: where there is nothing to do, nobody else is kept from writing. */
int ledger_expire(Ledger *l, uint64_t now, size_t *ret_n, uint64_t *ret_next) {
        uint64_t next = UINT64_MAX;
        size_t n = 0;
        bool own;
        int r;

        if (!time_valid(now))
                return -EINVAL;
        r = next_expiry(l, &next);
        if (r >= 0 && next <= now) {
                r = transaction_enter(l, &own);
                if (r >= 0)
                        r = transaction_leave(l, own, expire(l, now, &n));
                if (r >= 0)
                        r = next_expiry(l, &next);
        }
        if (r < 0)
                return r;
        if (ret_n)
                *ret_n = n;
        if (ret_next)
                *ret_next = next;
        return 0;
}
