/* SPDX-License-Identifier: MIT */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "ledger/ledger.h"
#include "own-directory.h"

/* A directory of its own for each test of the ledger, which is open in it. */

#define SECOND USEC_PER_SEC
#define MINUTE (60 * SECOND)
#define DAY (1440 * MINUTE)
#define BEGIN (UINT64_C(1764411240) * SECOND) /* 2025-11-29T10:14:00Z */

static char top[] = "/tmp/tooloo-ledger-XXXXXX";
static Ledger *ledger;

static inline void ledger_set_up(void) {
        own_directory_enter(top);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
}

static inline void ledger_tear_down(void) {
        ledger = ledger_free(ledger);
        own_directory_leave(top);
}

static inline void ledger_reopen(void) {
        ledger = ledger_free(ledger);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
}

/* The first number of the first row; -1 for none. */
static inline int64_t ask(const char *sql) {
        sqlite3_stmt *s = NULL;
        int64_t number = -1;

        cr_assert_eq(sqlite3_prepare_v2(ledger_database(ledger), sql, -1, &s, NULL), SQLITE_OK, "%s: %s", sql,
                     sqlite3_errmsg(ledger_database(ledger)));
        if (sqlite3_step(s) == SQLITE_ROW)
                number = sqlite3_column_int64(s, 0);
        cr_assert_eq(sqlite3_finalize(s), SQLITE_OK);
        return number;
}

static inline void execute(const char *sql) {
        cr_assert_eq(sqlite3_exec(ledger_database(ledger), sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
                     sqlite3_errmsg(ledger_database(ledger)));
}

/* The text of the first column of the first row; empty for none. Valid until the next. */
static inline const char *ask_text(const char *sql) {
        static char text[8192];
        sqlite3_stmt *s = NULL;

        text[0] = '\0';
        cr_assert_eq(sqlite3_prepare_v2(ledger_database(ledger), sql, -1, &s, NULL), SQLITE_OK, "%s: %s", sql,
                     sqlite3_errmsg(ledger_database(ledger)));
        if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0))
                (void) snprintf(text, sizeof(text), "%s", (const char *) sqlite3_column_text(s, 0));
        cr_assert_eq(sqlite3_finalize(s), SQLITE_OK);
        return text;
}

static inline LedgerRequest a_request(void) {
        return (LedgerRequest) { .at = BEGIN, .name = "r1", .api = "openai", .source = "v1", .cache = "none" };
}

static inline int64_t add_request(int64_t key, const char *user) {
        LedgerRequest request = a_request();
        int64_t id = 0;

        request.key = key;
        request.user = user;
        cr_assert_eq(ledger_add_request(ledger, &request, &id), 0);
        return id;
}

/* One at which each token costs a nano-dollar. */
static inline int64_t a_price(void) {
        int64_t id = 0;

        (void) ledger_price(ledger, &(LedgerPrice) {
                .provider = "openai", .model = "gpt-4o-mini", .input = 1000, .output = 1000, .cached = -1, .cache_write = -1,
                .reasoning = -1, .source = "given" }, BEGIN, &id);
        return id;
}

static inline int reserve_at(int64_t request, unsigned n, uint64_t at, int64_t amount, LedgerRefusal *refusal) {
        LedgerRefusal other;

        return ledger_reserve(ledger, &(LedgerReserve) {
                .request = request, .n = n, .at = at, .expires = at + 10 * MINUTE, .provider = "openai",
                .model = "gpt-4o-mini", .price = a_price(), .amount = amount }, refusal ?: &other);
}

static inline int reserve(int64_t request, unsigned n, int64_t amount) {
        return reserve_at(request, n, BEGIN, amount, NULL);
}

static inline int settle(int64_t request, unsigned n, int64_t cost) {
        return ledger_settle(ledger, &(LedgerOutcome) {
                .request = request, .n = n, .ttft = 1000, .total = 2000, .status = 200,
                .tokens = { .in = cost, .reported = true }, .cost = cost });
}

static inline LedgerLimit usage(const char *scope, const char *subject, const char *window, uint64_t now) {
        LedgerLimit limit = {};

        cr_assert_eq(ledger_usage(ledger, scope, subject, window, now, &limit), 0);
        return limit;
}

static inline void set_limit(const char *scope, const char *subject, const char *window, int64_t hard) {
        cr_assert_eq(ledger_set_limit(ledger, &(LedgerLimit) {
                .scope = scope, .subject = subject, .window = window, .hard = hard }), 0);
}

static inline void print_fault(const char *fault, void *userdata) {
        (void) fprintf(stderr, "%s\n", fault);
}

/* How many faults there are; they go to stderr. */
static inline size_t verify(void) {
        size_t n = SIZE_MAX;

        cr_assert_eq(ledger_verify(ledger, print_fault, NULL, &n), 0);
        return n;
}
