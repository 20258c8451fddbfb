/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "spent.h"

/* 1 when a limit of that scope is in the way; *refusal is then the one of all asked so far that resets last. */
static int ask_limits(Ledger *l, const Payers *payers, Scope scope, int64_t amount, LedgerRefusal *refusal) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r, refused = 0;

        r = statement_get(l, STATEMENT_HARD_LIMITS,
                          "SELECT b.window, b.hard, coalesce(s.settled, 0), coalesce(s.reserved, 0) FROM budget_limit b "
                          "LEFT JOIN spent s ON s.scope = b.scope AND s.subject = b.subject AND s.window = b.window AND "
                          "s.begins = CASE b.window WHEN 'minute' THEN ?3 WHEN 'day' THEN ?4 ELSE ?5 END "
                          "WHERE b.scope = ?1 AND b.subject = ?2 AND b.hard > 0", &s);
        if (r >= 0)
                r = statement_bind(l, s, "ttuuu", scope_to_string(scope), payers->subjects[scope],
                                   payers->begins[WINDOW_MINUTE], payers->begins[WINDOW_DAY], payers->begins[WINDOW_MONTH]);
        while (r >= 0 && (r = statement_step(l, s)) > 0) {
                int64_t hard = sqlite3_column_int64(s, 1), settled = sqlite3_column_int64(s, 2),
                        reserved = sqlite3_column_int64(s, 3);
                int window = window_from_string(statement_text(s, 0));
                uint64_t resets;

                if (window < 0 || settled + reserved + amount <= hard)
                        continue;
                refused = 1;
                resets = window_end((Window) window, payers->begins[window]);
                if (resets <= refusal->resets)
                        continue;
                *refusal = (LedgerRefusal) { .limit = hard, .settled = settled, .reserved = reserved, .resets = resets };
                (void) snprintf(refusal->scope, sizeof(refusal->scope), "%s", scope_to_string(scope));
                (void) snprintf(refusal->subject, sizeof(refusal->subject), "%s", payers->subjects[scope]);
                (void) snprintf(refusal->window, sizeof(refusal->window), "%s", window_to_string((Window) window));
        }
        return r < 0 ? r : refused;
}

int limits_ask(Ledger *l, const Payers *payers, int64_t amount, LedgerRefusal *ret_refusal) {
        LedgerRefusal refusal = {};
        bool refused = false;

        if (amount == 0)
                return 0;
        for (Scope scope = 0; scope < _SCOPE_MAX; scope++) {
                int r = payers->subjects[scope] ? ask_limits(l, payers, scope, amount, &refusal) : 0;

                if (r < 0)
                        return r;
                refused = refused || r > 0;
        }
        if (!refused)
                return 0;
        *ret_refusal = refusal;
        return -EDQUOT;
}

static int add_attempt(Ledger *l, const LedgerReserve *v) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ADD_ATTEMPT,
                          "INSERT INTO attempt (request, n, at, provider, model, price) VALUES (?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(l, s, "iuuttk", v->request, (uint64_t) v->n, v->at, v->provider, v->model, v->price);
        return r < 0 ? r : statement_run(l, s);
}

static int add_reservation(Ledger *l, const LedgerReserve *v) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ADD_RESERVATION,
                          "INSERT INTO reservation (request, n, expires, amount) VALUES (?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(l, s, "iuui", v->request, (uint64_t) v->n, v->expires, v->amount);
        return r < 0 ? r : statement_run(l, s);
}

/* Whatever can be refused is before the first row or is that row. */
static int reserve_for(Ledger *l, const LedgerReserve *v, const Payers *payers, LedgerRefusal *ret_refusal) {
        int r;

        r = limits_ask(l, payers, v->amount, ret_refusal);
        if (r >= 0)
                r = spent_room(l, payers, v->amount);
        if (r >= 0)
                r = add_attempt(l, v);
        if (r >= 0)
                r = add_reservation(l, v);
        return r < 0 ? r : spent_add(l, payers, 0, v->amount, 1);
}

static int reserve(Ledger *l, const LedgerReserve *v, LedgerRefusal *ret_refusal) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Payers payers;
        int r;

        r = statement_get(l, STATEMENT_PAYERS,
                          "SELECT k.name, q.user FROM request q LEFT JOIN gateway_key k ON k.id = q.key WHERE q.id = ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "i", v->request);
        if (r >= 0)
                r = statement_step(l, s);
        if (r <= 0)
                return r < 0 ? r : -ESRCH;
        payers_init(&payers, v->at, statement_text(s, 0), statement_text(s, 1), v->provider);
        return reserve_for(l, v, &payers, ret_refusal);
}

int ledger_reserve(Ledger *l, const LedgerReserve *reserve_this, LedgerRefusal *ret_refusal) {
        const LedgerReserve *v = reserve_this;
        bool own;
        int r;

        if (v->n == 0 || !time_valid(v->at) || !time_valid(v->expires) || v->expires < v->at || !name_valid(v->provider) ||
            !name_valid(v->model) || v->price < 0 || !money_valid(v->amount))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, reserve(l, v, ret_refusal));
}
