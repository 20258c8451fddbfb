/* SPDX-License-Identifier: MIT */
#include "derived.h"

#define SUMS "sum(a.cost), coalesce(sum(v.amount), 0), count(*)"
#define ATTEMPTS                                                                                      \
        " FROM attempt a JOIN request q ON q.id = a.request LEFT JOIN gateway_key k ON k.id = q.key " \
        "LEFT JOIN reservation v ON v.request = a.request AND v.n = a.n "
#define MINUTES(table, scope, subject)                                                                         \
        "INSERT INTO " table " SELECT '" scope "', " subject ", 'minute', a.at - a.at % 60000000, " SUMS ATTEMPTS \
        "WHERE " subject " IS NOT NULL GROUP BY 2, 4"
#define SUMMED_UP(table, from, to, begins)                                                                   \
        "INSERT INTO " table " SELECT scope, subject, '" to "', " begins ", sum(settled), sum(reserved), sum(calls) " \
        "FROM " table " WHERE window = '" from "' GROUP BY 1, 2, 4"

/* Days are sums of minutes, and months of days: who has millions of attempts sorts them four times, not twelve. */
#define STEPS(table)                                                                                                     \
        {                                                                                                                \
                MINUTES(table, "total", "''"),                                                                           \
                MINUTES(table, "provider", "a.provider"),                                                                \
                MINUTES(table, "user", "q.user"),                                                                        \
                MINUTES(table, "key", "k.name"),                                                                         \
                SUMMED_UP(table, "minute", "day", "begins - begins % 86400000000"),                                      \
                SUMMED_UP(table, "day", "month",                                                                         \
                          "strftime('%s', begins / 1000000, 'unixepoch', 'start of month') * 1000000"),                  \
        }

static const char *const spent_steps[] = STEPS("spent");
static const char *const expected_steps[] = STEPS("temp.expected");

static int run(Ledger *l, const char *const *steps, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = statement_execute(l, steps[i]);
        return r;
}

int derived_fill_spent(Ledger *l) {
        return run(l, spent_steps, ELEMENTSOF(spent_steps));
}

int derived_fill_expected(Ledger *l) {
        int r;

        r = statement_execute(l, "CREATE TEMP TABLE expected (scope TEXT, subject TEXT, window TEXT, begins INTEGER, "
                                 "settled INTEGER, reserved INTEGER, calls INTEGER, "
                                 "PRIMARY KEY (scope, subject, window, begins)) WITHOUT ROWID");
        return r < 0 ? r : run(l, expected_steps, ELEMENTSOF(expected_steps));
}

int ledger_rebuild(Ledger *l) {
        bool own;
        int r;

        r = transaction_enter(l, &own);
        if (r < 0)
                return r;
        r = statement_execute(l, "DELETE FROM spent");
        if (r >= 0)
                r = derived_fill_spent(l);
        return transaction_leave(l, own, r);
}
