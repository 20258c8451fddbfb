/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include "ledger.h"
#include "statement.h"

/* What the files of the ledger share. Nothing here is for others. */

#define LEDGER_FILE "ledger.db"
#define LEDGER_AT_MAX (INT64_C(253402300800) * 1000000) /* the year 10000, where SQLite's calendar ends too */

struct Ledger {
        sqlite3 *db;
        LedgerMode mode;
        sqlite3_stmt *statements[_STATEMENT_MAX];
        uint64_t busy_since; /* monotonic usec */
        bool in_transaction;
        int failed; /* the first error in it */
};

/* To write, one is made where there is none, for its owner alone. *ret is the caller's also with an error, unless it is NULL:
 * it has SQLite's words for it. */
int database_connect(const char *path, LedgerMode mode, sqlite3 **ret);

/* A transaction of one's own, unless the caller has one open, which *ret_own says. The end keeps what was written unless
 * SQLite has failed in between: that is remembered by itself, so r may be a refusal that wrote nothing. It returns r. */
int transaction_enter(Ledger *l, bool *ret_own);
int transaction_leave(Ledger *l, bool own, int r);

/* What may be a name: UTF-8 of 1..LEDGER_NAME_MAX bytes, none of them a control character. */
bool name_valid(const char *name);
static inline bool name_valid_or_null(const char *name) {
        return !name || name_valid(name);
}

static inline bool time_valid(uint64_t at) {
        return at < (uint64_t) LEDGER_AT_MAX;
}

static inline bool money_valid(int64_t money) {
        return money >= 0 && money <= LEDGER_MONEY_MAX;
}
