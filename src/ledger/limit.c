/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "spent.h"

/* The total has no subject, all others have one. */
static bool place_valid(const char *scope, const char *subject, const char *window) {
        int s = scope_from_string(scope);

        if (s < 0 || window_from_string(window) < 0 || !subject)
                return false;
        return s == SCOPE_TOTAL ? subject[0] == '\0' : name_valid(subject);
}

static int set(Ledger *l, const LedgerLimit *limit) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        if (limit->hard == 0 && limit->soft == 0) {
                r = statement_get(l, STATEMENT_DELETE_LIMIT,
                                  "DELETE FROM budget_limit WHERE scope = ? AND subject = ? AND window = ?", &s);
                if (r >= 0)
                        r = statement_bind(l, s, "ttt", limit->scope, limit->subject, limit->window);
        } else {
                r = statement_get(l, STATEMENT_SET_LIMIT,
                                  "INSERT INTO budget_limit (scope, subject, window, hard, soft) VALUES (?, ?, ?, ?, ?) "
                                  "ON CONFLICT DO UPDATE SET hard = excluded.hard, soft = excluded.soft", &s);
                if (r >= 0)
                        r = statement_bind(l, s, "tttii", limit->scope, limit->subject, limit->window, limit->hard,
                                           limit->soft);
        }
        return r < 0 ? r : statement_run(l, s);
}

int ledger_set_limit(Ledger *l, const LedgerLimit *limit) {
        bool own;
        int r;

        if (!place_valid(limit->scope, limit->subject, limit->window) || !money_valid(limit->hard) ||
            !money_valid(limit->soft))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, set(l, limit));
}

#define OF_THE_WINDOW "s.begins = CASE b.window WHEN 'minute' THEN ?1 WHEN 'day' THEN ?2 ELSE ?3 END"
#define FIGURES "b.hard, b.soft, coalesce(s.settled, 0), coalesce(s.reserved, 0), coalesce(s.calls, 0)"

/* hard, soft, settled, reserved, calls: the columns from `first` on. */
static void read_figures(sqlite3_stmt *s, int first, LedgerLimit *limit) {
        limit->hard = sqlite3_column_int64(s, first);
        limit->soft = sqlite3_column_int64(s, first + 1);
        limit->settled = sqlite3_column_int64(s, first + 2);
        limit->reserved = sqlite3_column_int64(s, first + 3);
        limit->calls = sqlite3_column_int64(s, first + 4);
}

static void read_times(const char *window, const uint64_t begins[static _WINDOW_MAX], LedgerLimit *limit) {
        Window w = (Window) MAX(window_from_string(window), 0);

        limit->begins = begins[w];
        limit->ends = window_end(w, begins[w]);
}

int ledger_limits(Ledger *l, uint64_t now, int (*tell)(const LedgerLimit *limit, void *userdata), void *userdata) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint64_t begins[_WINDOW_MAX];
        int r;

        if (!time_valid(now))
                return -EINVAL;
        windows_begin(now, begins);
        r = statement_get(l, STATEMENT_LIMITS,
                          "SELECT b.scope, b.subject, b.window, " FIGURES " FROM budget_limit b LEFT JOIN spent s ON "
                          "s.scope = b.scope AND s.subject = b.subject AND s.window = b.window AND " OF_THE_WINDOW
                          " ORDER BY b.scope, b.subject, b.window", &s);
        if (r >= 0)
                r = statement_bind(l, s, "uuu", begins[WINDOW_MINUTE], begins[WINDOW_DAY], begins[WINDOW_MONTH]);
        while (r >= 0 && (r = statement_step(l, s)) > 0) {
                LedgerLimit limit = {
                        .scope = statement_text(s, 0),
                        .subject = statement_text(s, 1),
                        .window = statement_text(s, 2),
                };

                read_figures(s, 3, &limit);
                read_times(limit.window, begins, &limit);
                r = tell(&limit, userdata);
        }
        return MIN(r, 0);
}

int ledger_usage(Ledger *l, const char *scope, const char *subject, const char *window, uint64_t now, LedgerLimit *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        LedgerLimit limit = { .scope = scope, .subject = subject, .window = window };
        uint64_t begins[_WINDOW_MAX];
        int r;

        if (!time_valid(now) || !place_valid(scope, subject, window))
                return -EINVAL;
        windows_begin(now, begins);
        read_times(window, begins, &limit);
        r = statement_get(l, STATEMENT_USAGE,
                          "SELECT coalesce(b.hard, 0), coalesce(b.soft, 0), coalesce(s.settled, 0), "
                          "coalesce(s.reserved, 0), coalesce(s.calls, 0) "
                          "FROM (SELECT ?1 AS scope, ?2 AS subject, ?3 AS window) q "
                          "LEFT JOIN budget_limit b USING (scope, subject, window) LEFT JOIN spent s "
                          "ON s.scope = q.scope AND s.subject = q.subject AND s.window = q.window AND s.begins = ?4", &s);
        if (r >= 0)
                r = statement_bind(l, s, "tttu", scope, subject, window, limit.begins);
        if (r >= 0)
                r = statement_step(l, s);
        if (r < 0)
                return r;
        read_figures(s, 0, &limit);
        *ret = limit;
        return 0;
}

int ledger_provider_exhausted(Ledger *l, const char *provider, int64_t amount, uint64_t now, bool *ret) {
        LedgerRefusal refusal;
        Payers payers;
        int r;

        if (!name_valid(provider) || !money_valid(amount) || !time_valid(now))
                return -EINVAL;
        payers_init(&payers, now, NULL, NULL, provider);
        r = limits_ask(l, &payers, amount, &refusal);
        if (r < 0 && r != -EDQUOT)
                return r;
        *ret = r == -EDQUOT;
        return 0;
}
