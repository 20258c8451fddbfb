/* SPDX-License-Identifier: MIT */
#include "spent.h"

#include "basic/string-util.h"

static const char *const names[] = {
        [SCOPE_KEY] = "key",
        [SCOPE_USER] = "user",
        [SCOPE_PROVIDER] = "provider",
        [SCOPE_TOTAL] = "total",
};

const char *scope_to_string(Scope scope) {
        return names[scope];
}

int scope_from_string(const char *name) {
        for (int i = 0; name && i < _SCOPE_MAX; i++)
                if (streq(names[i], name))
                        return i;
        return -EINVAL;
}

void payers_init(Payers *payers, uint64_t at, const char *key, const char *user, const char *provider) {
        *payers = (Payers) {
                .subjects = {
                        [SCOPE_KEY] = key,
                        [SCOPE_USER] = user,
                        [SCOPE_PROVIDER] = provider,
                        [SCOPE_TOTAL] = "",
                },
        };
        windows_begin(at, payers->begins);
}

/* The month's total has all the others in it. */
int spent_room(Ledger *l, const Payers *payers, int64_t money) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_SPENT,
                          "SELECT settled + reserved FROM spent WHERE scope = 'total' AND subject = '' AND window = 'month' "
                          "AND begins = ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "u", payers->begins[WINDOW_MONTH]);
        if (r >= 0)
                r = statement_step(l, s);
        if (r <= 0)
                return r;
        return sqlite3_column_int64(s, 0) + money > LEDGER_MONEY_MAX ? -EOVERFLOW : 0;
}

int spent_add(Ledger *l, const Payers *payers, int64_t settled, int64_t reserved, int64_t calls) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ADD_SPENT,
                          "INSERT INTO spent (scope, subject, window, begins, settled, reserved, calls) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET settled = settled + excluded.settled, "
                          "reserved = reserved + excluded.reserved, calls = calls + excluded.calls", &s);
        for (Scope scope = 0; scope < _SCOPE_MAX && r >= 0; scope++) {
                if (!payers->subjects[scope])
                        continue;
                for (Window window = 0; window < _WINDOW_MAX && r >= 0; window++) {
                        r = statement_bind(l, s, "tttuiii", names[scope], payers->subjects[scope], window_to_string(window),
                                           payers->begins[window], settled, reserved, calls);
                        if (r >= 0)
                                r = statement_run(l, s);
                }
        }
        return r;
}
