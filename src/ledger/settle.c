/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "settle.h"
#include "spent.h"

#define INTERRUPTED "interrupted"
#define RELEASED "released"

/* Where an attempt stands. */
typedef enum AttemptState {
        ATTEMPT_RESERVED,
        ATTEMPT_EXPIRED,
        ATTEMPT_ENDED,
} AttemptState;

typedef struct Attempt {
        sqlite3_stmt *row; /* the payers' names are in it */
        Payers payers;
        int64_t amount;
        uint64_t at;
        AttemptState state;
} Attempt;

static void attempt_done(Attempt *attempt) {
        if (attempt->row)
                statement_done(attempt->row);
}

static int attempt_find(Ledger *l, int64_t request, unsigned n, Attempt *attempt) {
        sqlite3_stmt *s;
        int r;

        r = statement_get(l, STATEMENT_ATTEMPT,
                          "SELECT a.at, a.provider, k.name, q.user, v.amount, a.error = '" INTERRUPTED "' FROM attempt a "
                          "JOIN request q ON q.id = a.request LEFT JOIN gateway_key k ON k.id = q.key "
                          "LEFT JOIN reservation v ON v.request = a.request AND v.n = a.n "
                          "WHERE a.request = ? AND a.n = ?", &attempt->row);
        s = attempt->row;
        if (r >= 0)
                r = statement_bind(l, s, "iu", request, (uint64_t) n);
        if (r >= 0)
                r = statement_step(l, s);
        if (r <= 0)
                return r < 0 ? r : -ESRCH;
        attempt->at = (uint64_t) sqlite3_column_int64(s, 0);
        attempt->amount = sqlite3_column_int64(s, 4);
        payers_init(&attempt->payers, attempt->at, statement_text(s, 2), statement_text(s, 3), statement_text(s, 1));
        if (sqlite3_column_type(s, 4) != SQLITE_NULL)
                attempt->state = ATTEMPT_RESERVED;
        else
                attempt->state = sqlite3_column_int(s, 5) ? ATTEMPT_EXPIRED : ATTEMPT_ENDED;
        return 0;
}

/* Cut off where it is too long, but within no character. */
static void cut_text(char ret[static LEDGER_TEXT_MAX + 1], const char *text) {
        size_t n = strnlen(text, LEDGER_TEXT_MAX + 1);

        if (n > LEDGER_TEXT_MAX)
                for (n = LEDGER_TEXT_MAX; n > LEDGER_TEXT_MAX - 3 && ((unsigned char) text[n] & 0xc0) == 0x80;)
                        n--;
        memcpy(ret, text, n);
        ret[n] = '\0';
        utf8_clean(ret, n);
}

static int write_outcome(Ledger *l, const LedgerOutcome *o) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const LedgerTokens *t = &o->tokens;
        char text[LEDGER_TEXT_MAX + 1];
        int r;

        if (o->text)
                cut_text(text, o->text);
        r = statement_get(l, STATEMENT_END_ATTEMPT,
                          "UPDATE attempt SET status = ?3, error = ?4, text = ?5, ttft = ?6, total = ?7, tokens_in = ?8, "
                          "tokens_out = ?9, tokens_cached = ?10, tokens_cache_write = ?11, tokens_reasoning = ?12, "
                          "reported = ?13, cost = ?14 WHERE request = ?1 AND n = ?2", &s);
        if (r >= 0)
                r = statement_bind(l, s, "iukttkuiiiiiii", o->request, (uint64_t) o->n, (int64_t) o->status, o->error,
                                   o->text ? text : NULL, (int64_t) o->ttft, o->total, t->in, t->out, t->cached,
                                   t->cache_write, t->reasoning, (int64_t) t->reported, o->cost);
        return r < 0 ? r : statement_run(l, s);
}

static int delete_reservation(Ledger *l, int64_t request, unsigned n) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_END_RESERVATION, "DELETE FROM reservation WHERE request = ? AND n = ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "iu", request, (uint64_t) n);
        return r < 0 ? r : statement_run(l, s);
}

static int end(Ledger *l, const Attempt *attempt, const LedgerOutcome *outcome) {
        int64_t amount = attempt->state == ATTEMPT_RESERVED ? attempt->amount : 0;
        int r;

        r = spent_room(l, &attempt->payers, outcome->cost - amount);
        if (r >= 0)
                r = write_outcome(l, outcome);
        if (r >= 0 && attempt->state == ATTEMPT_RESERVED)
                r = delete_reservation(l, outcome->request, outcome->n);
        return r < 0 ? r : spent_add(l, &attempt->payers, outcome->cost, -amount, 0);
}

static int settle(Ledger *l, const LedgerOutcome *outcome) {
        _cleanup_(attempt_done) Attempt attempt = {};
        int r;

        r = attempt_find(l, outcome->request, outcome->n, &attempt);
        if (r < 0)
                return r;
        if (attempt.state == ATTEMPT_ENDED)
                return -EALREADY;
        r = end(l, &attempt, outcome);
        return r >= 0 && attempt.state == ATTEMPT_EXPIRED ? -ENOENT : r;
}

int attempt_interrupt(Ledger *l, int64_t request, unsigned n, uint64_t total) {
        _cleanup_(attempt_done) Attempt attempt = {};
        int r;

        r = attempt_find(l, request, n, &attempt);
        return r < 0 ? r : end(l, &attempt, &(LedgerOutcome) {
                .request = request, .n = n, .total = total, .error = INTERRUPTED });
}

static bool word_valid(const char *word) {
        return name_valid(word) && word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0' &&
               !streq(word, INTERRUPTED); /* by which a late outcome is known */
}

static bool outcome_valid(const LedgerOutcome *o) {
        const LedgerTokens *t = &o->tokens;

        if (t->in < 0 || t->out < 0 || t->cached < 0 || t->cache_write < 0 || t->reasoning < 0)
                return false;
        return (!o->error || (word_valid(o->error) && !streq(o->error, RELEASED))) && time_valid(o->ttft) &&
               time_valid(o->total) && money_valid(o->cost);
}

int ledger_settle(Ledger *l, const LedgerOutcome *outcome) {
        bool own;
        int r;

        if (!outcome_valid(outcome))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, settle(l, outcome));
}

static int release(Ledger *l, int64_t request, unsigned n, const char *error) {
        _cleanup_(attempt_done) Attempt attempt = {};
        int r;

        r = attempt_find(l, request, n, &attempt);
        if (r < 0)
                return r;
        if (attempt.state != ATTEMPT_RESERVED)
                return attempt.state == ATTEMPT_EXPIRED ? -ENOENT : -EALREADY;
        return end(l, &attempt, &(LedgerOutcome) { .request = request, .n = n, .error = error });
}

int ledger_release(Ledger *l, int64_t request, unsigned n, const char *error) {
        bool own;
        int r;

        if (error && !word_valid(error))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, release(l, request, n, error ?: RELEASED));
}
