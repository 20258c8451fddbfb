/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ledger-internal.h"

static bool cache_word(const char *word) {
        return word && (streq(word, "none") || streq(word, "miss") || streq(word, "hit") || streq(word, "joined"));
}

static bool request_valid(const LedgerRequest *q) {
        return time_valid(q->at) && name_valid(q->name) && name_valid(q->api) && name_valid(q->source) &&
               cache_word(q->cache) && name_valid_or_null(q->user) && name_valid_or_null(q->session) &&
               name_valid_or_null(q->intent) && q->key >= 0 && q->parent >= 0;
}

static int insert(Ledger *l, const LedgerRequest *q, int64_t *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ADD_REQUEST,
                          "INSERT INTO request (name, at, api, key, user, session, intent, parent, source, cache, stream) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(l, s, "tutktttktti", q->name, q->at, q->api, q->key, q->user, q->session, q->intent,
                                   q->parent, q->source, q->cache, (int64_t) q->stream);
        if (r >= 0)
                r = statement_run(l, s);
        if (r >= 0)
                *ret = sqlite3_last_insert_rowid(l->db);
        return r;
}

int ledger_add_request(Ledger *l, const LedgerRequest *request, int64_t *ret) {
        int64_t id = 0;
        bool own;
        int r;

        if (!request_valid(request))
                return -EINVAL;
        r = transaction_enter(l, &own);
        if (r < 0)
                return r;
        r = transaction_leave(l, own, insert(l, request, &id));
        if (r >= 0)
                *ret = id;
        return r;
}

static int has_request(Ledger *l, int64_t request) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_HAS_REQUEST, "SELECT 1 FROM request WHERE id = ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "i", request);
        return r < 0 ? r : statement_step(l, s);
}

static int end(Ledger *l, int64_t request, unsigned status, uint64_t at) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_END_REQUEST,
                          "UPDATE request SET status = ?, ended = ? WHERE id = ? AND ended IS NULL", &s);
        if (r >= 0)
                r = statement_bind(l, s, "uui", (uint64_t) status, at, request);
        if (r >= 0)
                r = statement_run(l, s);
        if (r < 0 || sqlite3_changes(l->db) > 0)
                return r;
        r = has_request(l, request);
        return r < 0 ? r : r > 0 ? -EALREADY : -ESRCH;
}

int ledger_end_request(Ledger *l, int64_t request, unsigned status, uint64_t at) {
        bool own;
        int r;

        if (!time_valid(at))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, end(l, request, status, at));
}
