/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"
#include "shared/sqlite-util.h"

/* Statements are prepared when they are first used, and kept. */
typedef enum StatementId {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,
        STATEMENT_SERVICES,
        STATEMENT_ADD_SERVICE,
        STATEMENT_USE_SERVICE,
        STATEMENT_EXPIRE_SERVICES,
        STATEMENT_ADD_TICK,
        STATEMENT_OLDEST_TICK,
        STATEMENT_TICKS,
        STATEMENT_DELETE_TICKS,
        STATEMENT_EXPIRE_TICKS,
        STATEMENT_HOUR,
        STATEMENT_PUT_HOUR,
        STATEMENT_EXPIRE_HOURS,
        STATEMENT_BLOCKS,
        STATEMENT_BLOCK_KEYS,
        STATEMENT_BLOCK_SAMPLES,
        STATEMENT_PUT_BLOCK,
        STATEMENT_EXPIRE_BLOCKS,
        STATEMENT_ADD_EVENT,
        STATEMENT_EVENTS,
        STATEMENT_EXPIRE_EVENTS,
        STATEMENT_LIMIT_EVENTS,
        STATEMENT_UPDATE_ERROR,
        STATEMENT_ADD_ERROR,
        STATEMENT_LIMIT_ERRORS,
        STATEMENT_ERRORS,
        STATEMENT_EXPIRE_ERRORS,
        STATEMENT_PUT_TEXT,
        STATEMENT_GET_TEXT,
        STATEMENT_PUT_ALERT,
        STATEMENT_ACTIVE_ALERTS,
        STATEMENT_OLD_ALERTS,
        STATEMENT_EXPIRE_ALERTS,
        STATEMENT_LIMIT_ALERTS,
        STATEMENT_FIGURES,
        _STATEMENT_MAX,
} StatementId;

/* Gives the statement of that id, made of sql when there is none yet. Who has it ends it with statement_done(). The error
 * of the open when there is no database. */
int statement_get(History *h, StatementId id, const char *sql, sqlite3_stmt **ret);

/* One step: 1 for a row, 0 at the end. */
int statement_step(History *h, sqlite3_stmt *s);
/* For those that give no rows. */
int statement_run(History *h, sqlite3_stmt *s);

/* Binds all parameters as sqlite_bind() does; texts and data must last until statement_done(). */
int statement_bind(History *h, sqlite3_stmt *s, const char *types, ...);

/* For what is asked once: the first row of its answer, -ENODATA when there is none. The caller ends it with
 * statement_finish(). */
int statement_once(History *h, const char *sql, sqlite3_stmt **ret);

/* Prepared statements go with the connection. */
void statements_free(History *h);

/* A code of SQLite as negative errno; notes in h what says that the file is damaged. */
int history_error(History *h, int code);
