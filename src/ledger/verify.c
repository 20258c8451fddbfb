/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "derived.h"

typedef struct Verification {
        void (*tell)(const char *fault, void *userdata);
        void *userdata;
        size_t n;
} Verification;

static void fault(Verification *v, const char *text) {
        v->n++;
        if (v->tell)
                v->tell(text, v->userdata);
}

/* Each gives one row a fault, which is its line. */
static const char *const checks[] = {
        "SELECT 'SQLite: ' || replace(integrity_check, char(10), ' ') FROM pragma_integrity_check "
        "WHERE integrity_check <> 'ok'",
        "SELECT printf('%s: a row names one of %s that is not there', \"table\", parent) FROM pragma_foreign_key_check",
        "SELECT printf('request %d: it has a status or an end, not both', id) FROM request "
        "WHERE (status IS NULL) <> (ended IS NULL)",
        "SELECT printf('request %d: of the cache (%s), but has attempts', id, cache) FROM request q "
        "WHERE cache IN ('hit', 'joined') AND EXISTS (SELECT 1 FROM attempt a WHERE a.request = q.id)",
        "SELECT printf('request %d: its %d attempts are not numbered from 1', request, count(*)) FROM attempt "
        "GROUP BY request HAVING min(n) <> 1 OR max(n) <> count(*)",
        "SELECT printf('attempt %d.%d: it runs, but nothing is reserved', a.request, a.n) FROM attempt a "
        "LEFT JOIN reservation v ON v.request = a.request AND v.n = a.n WHERE a.total IS NULL AND v.n IS NULL",
        "SELECT printf('attempt %d.%d: it has ended, but is reserved', request, n) FROM reservation v "
        "JOIN attempt a USING (request, n) WHERE a.total IS NOT NULL",
        "SELECT printf('attempt %d.%d: it runs, but has an outcome', request, n) FROM attempt WHERE total IS NULL AND "
        "(status IS NOT NULL OR error IS NOT NULL OR ttft IS NOT NULL OR cost <> 0 OR reported <> 0 OR "
        "tokens_in <> 0 OR tokens_out <> 0)",
        "SELECT printf('attempt %d.%d: its price is of %s of %s', a.request, a.n, p.model, p.provider) FROM attempt a "
        "JOIN price p ON p.id = a.price WHERE p.provider <> a.provider OR p.model <> a.model",
        "SELECT printf('reservation %d.%d: amount %d', request, n, amount) FROM reservation WHERE amount < 0",
};

/* What is there and should not be, what should be and is not, and what differs. */
static const char *const spent_check =
        "SELECT printf('spent: %s %s, %s %d: %d settled, %d reserved, %d calls; by the facts %d, %d, %d', e.scope, "
        "e.subject, e.window, e.begins, coalesce(s.settled, 0), coalesce(s.reserved, 0), coalesce(s.calls, 0), e.settled, "
        "e.reserved, e.calls) FROM temp.expected e LEFT JOIN spent s ON s.scope = e.scope AND s.subject = e.subject AND "
        "s.window = e.window AND s.begins = e.begins WHERE s.scope IS NULL OR s.settled <> e.settled OR "
        "s.reserved <> e.reserved OR s.calls <> e.calls "
        "UNION ALL "
        "SELECT printf('spent: %s %s, %s %d: no fact says so', s.scope, s.subject, s.window, s.begins) FROM spent s "
        "LEFT JOIN temp.expected e ON e.scope = s.scope AND e.subject = s.subject AND e.window = s.window AND "
        "e.begins = s.begins WHERE e.scope IS NULL";

static int run_check(Ledger *l, const char *sql, Verification *v) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = statement_once(l, sql, &s);
        while (r >= 0 && (r = statement_step(l, s)) > 0)
                fault(v, strna(statement_text(s, 0)));
        return r;
}

static int64_t number(sqlite3_stmt *s, int column) {
        return sqlite3_column_int64(s, column);
}

/* Of one attempt: request, n, cost, five kinds of tokens, whether there is a price, and its five. */
static void check_cost(sqlite3_stmt *s, Verification *v) {
        LedgerTokens tokens = {
                .in = number(s, 3), .out = number(s, 4), .cached = number(s, 5), .cache_write = number(s, 6),
                .reasoning = number(s, 7),
        };
        LedgerPrice price = {
                .input = number(s, 9), .output = number(s, 10), .cached = number(s, 11), .cache_write = number(s, 12),
                .reasoning = number(s, 13),
        };
        int64_t cost = number(s, 2), right = 0;
        char text[160];

        if (number(s, 8) > 0 && ledger_cost(&price, &tokens, &right) < 0)
                (void) snprintf(text, sizeof(text), "attempt %" PRIi64 ".%" PRIi64 ": no cost is right for its price and "
                                "tokens", number(s, 0), number(s, 1));
        else if (cost != right)
                (void) snprintf(text, sizeof(text), "attempt %" PRIi64 ".%" PRIi64 ": cost %" PRIi64 ", by its price and "
                                "tokens %" PRIi64, number(s, 0), number(s, 1), cost, right);
        else
                return;
        fault(v, text);
}

static int check_costs(Ledger *l, Verification *v) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = statement_once(l, "SELECT a.request, a.n, a.cost, a.tokens_in, a.tokens_out, a.tokens_cached, "
                              "a.tokens_cache_write, a.tokens_reasoning, p.id, p.input, p.output, p.cached, "
                              "p.cache_write, p.reasoning "
                              "FROM attempt a LEFT JOIN price p ON p.id = a.price", &s);
        while (r >= 0 && (r = statement_step(l, s)) > 0)
                check_cost(s, v);
        return r;
}

static int check_all(Ledger *l, Verification *v) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(checks) && r >= 0; i++)
                r = run_check(l, checks[i], v);
        if (r >= 0)
                r = check_costs(l, v);
        if (r >= 0)
                r = derived_fill_expected(l);
        return r < 0 ? r : run_check(l, spent_check, v);
}

int ledger_verify(Ledger *l, void (*tell)(const char *fault, void *userdata), void *userdata, size_t *ret) {
        Verification v = { .tell = tell, .userdata = userdata };
        bool own = sqlite3_get_autocommit(l->db), damaged;
        int r, end;

        /* All of it at one moment, whatever others write meanwhile. */
        r = statement_execute(l, own ? "BEGIN" : "SAVEPOINT verify");
        if (r < 0)
                return r;
        r = check_all(l, &v);
        damaged = r == -EBADMSG;
        if (damaged)
                fault(&v, "the database is damaged: the rest of it cannot be read");
        end = statement_execute(l, own ? "ROLLBACK" : "ROLLBACK TO verify; RELEASE verify");
        if (!damaged && MIN(r, end) < 0)
                return MIN(r, end);
        *ret = v.n;
        return 0;
}
