/* SPDX-License-Identifier: MIT */
#pragma once

#include "ledger.h"

/* Statements are prepared when they are first used, and kept. */
typedef enum StatementId {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,
        STATEMENT_ADD_REQUEST,
        STATEMENT_END_REQUEST,
        STATEMENT_HAS_REQUEST,
        STATEMENT_NEWEST_PRICE,
        STATEMENT_ADD_PRICE,
        STATEMENT_PAYERS,
        STATEMENT_HARD_LIMITS,
        STATEMENT_SPENT,
        STATEMENT_ADD_ATTEMPT,
        STATEMENT_ADD_RESERVATION,
        STATEMENT_ADD_SPENT,
        STATEMENT_ATTEMPT,
        STATEMENT_END_ATTEMPT,
        STATEMENT_END_RESERVATION,
        STATEMENT_EXTEND,
        STATEMENT_EXPIRED,
        STATEMENT_NEXT_EXPIRY,
        STATEMENT_SET_LIMIT,
        STATEMENT_DELETE_LIMIT,
        STATEMENT_LIMITS,
        STATEMENT_USAGE,
        STATEMENT_ADD_KEY,
        STATEMENT_FIND_KEY,
        STATEMENT_REVOKE_KEY,
        STATEMENT_HAS_KEY,
        STATEMENT_KEYS,
        STATEMENT_ANY_KEY,
        STATEMENT_ADD_EVENT,
        STATEMENT_SET_SETTING,
        STATEMENT_DELETE_SETTING,
        STATEMENT_SETTING,
        _STATEMENT_MAX,
} StatementId;

/* Gives the statement of that id, made of sql when there is none yet. Who has it ends it with statement_done(). */
int statement_get(Ledger *l, StatementId id, const char *sql, sqlite3_stmt **ret);

/* One step: 1 for a row, 0 at the end. */
int statement_step(Ledger *l, sqlite3_stmt *s);
/* For those that give no rows. */
int statement_run(Ledger *l, sqlite3_stmt *s);

/* Binds all parameters as sqlite_bind() does; texts and data must last until statement_done(). */
int statement_bind(Ledger *l, sqlite3_stmt *s, const char *types, ...);

/* For what is asked once; the caller ends it with statement_finish(). */
int statement_once(Ledger *l, const char *sql, sqlite3_stmt **ret);

int statement_execute(Ledger *l, const char *sql);

/* Prepared statements go with the connection. */
void statements_free(Ledger *l);

/* A code of SQLite as negative errno. -EEXIST for a row whose key is taken and -ESRCH for one that names another which is
 * not there are the caller's mistakes; all others end the transaction that is open. */
int ledger_error(Ledger *l, int code);
