/* SPDX-License-Identifier: MIT */
#include "ledger-internal.h"

static bool price_valid(const LedgerPrice *p) {
        return p->input >= 0 && p->output >= 0 && p->cached >= -1 && p->cache_write >= -1 && p->reasoning >= -1;
}

/* 1 and the newest one's id when it is the same, else 0. */
static int find(Ledger *l, const LedgerPrice *p, int64_t *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_NEWEST_PRICE,
                          "SELECT id, input = ?3 AND output = ?4 AND cached = ?5 AND cache_write = ?6 AND reasoning = ?7 "
                          "AND source = ?8 FROM price WHERE provider = ?1 AND model = ?2 ORDER BY id DESC LIMIT 1", &s);
        if (r >= 0)
                r = statement_bind(l, s, "ttiiiiit", p->provider, p->model, p->input, p->output, p->cached, p->cache_write,
                                   p->reasoning, p->source);
        if (r >= 0)
                r = statement_step(l, s);
        if (r <= 0 || sqlite3_column_int(s, 1) == 0)
                return MIN(r, 0);
        *ret = sqlite3_column_int64(s, 0);
        return 1;
}

static int find_or_insert(Ledger *l, const LedgerPrice *p, uint64_t at, int64_t *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = find(l, p, ret);
        if (r != 0)
                return MIN(r, 0);
        r = statement_get(l, STATEMENT_ADD_PRICE,
                          "INSERT INTO price (provider, model, at, input, output, cached, cache_write, reasoning, source) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(l, s, "ttuiiiiit", p->provider, p->model, at, p->input, p->output, p->cached,
                                   p->cache_write, p->reasoning, p->source);
        if (r >= 0)
                r = statement_run(l, s);
        if (r >= 0)
                *ret = sqlite3_last_insert_rowid(l->db);
        return r;
}

int ledger_price(Ledger *l, const LedgerPrice *price, uint64_t at, int64_t *ret) {
        int64_t id = 0;
        bool own;
        int r;

        if (!time_valid(at) || !price_valid(price) || !name_valid(price->provider) || !name_valid(price->model) ||
            !name_valid(price->source))
                return -EINVAL;
        r = transaction_enter(l, &own);
        if (r < 0)
                return r;
        r = transaction_leave(l, own, find_or_insert(l, price, at, &id));
        if (r >= 0)
                *ret = id;
        return r;
}

int ledger_cost(const LedgerPrice *price, const LedgerTokens *tokens, int64_t *ret) {
        int64_t cached, cache_write, reasoning;
        __int128 pico;

        if (!price_valid(price) || tokens->in < 0 || tokens->out < 0 || tokens->cached < 0 || tokens->cache_write < 0 ||
            tokens->reasoning < 0)
                return -EINVAL;
        cached = MIN(tokens->cached, tokens->in);
        cache_write = MIN(tokens->cache_write, tokens->in - cached);
        reasoning = MIN(tokens->reasoning, tokens->out);
        /* Never more tokens than in and out, each below 2^63: this does not overflow. */
        pico = (__int128) (tokens->in - cached - cache_write) * price->input +
               (__int128) cached * (price->cached < 0 ? price->input : price->cached) +
               (__int128) cache_write * (price->cache_write < 0 ? price->input : price->cache_write) +
               (__int128) (tokens->out - reasoning) * price->output +
               (__int128) reasoning * (price->reasoning < 0 ? price->output : price->reasoning);
        if (pico > (__int128) LEDGER_MONEY_MAX * 1000)
                return -EOVERFLOW;
        *ret = (int64_t) ((pico + 500) / 1000);
        return 0;
}
