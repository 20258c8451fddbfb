/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>

#include "database.h"
#include "history-internal.h"

/* What could not be opened may be by now; what has shown itself damaged makes way for a new one. */
static int make_usable(History *h) {
        if (h->damaged)
                database_close(h);
        return h->db ? 0 : database_open(h);
}

static int execute(History *h, StatementId id, const char *sql) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, id, sql, &s);
        return r < 0 ? r : statement_run(h, s);
}

static void forget(History *h) {
        h->in_transaction = h->durable = false;
        h->failed = 0;
        h->n_ticks = 0;
}

/* SQLite has done it itself after some errors. */
static void roll_back(History *h) {
        if (h->db && !sqlite3_get_autocommit(h->db))
                (void) execute(h, STATEMENT_ROLLBACK, "ROLLBACK"); /* nothing is kept of it, whatever that says */
        services_clear(&h->services);
        h->last = h->before_last;
        h->newest = h->before_newest;
        forget(h);
}

static int begin(History *h) {
        int r;

        r = make_usable(h);
        if (r >= 0)
                r = execute(h, STATEMENT_BEGIN, "BEGIN IMMEDIATE");
        if (r < 0) {
                history_set_problem(h, PROBLEM_WRITE, r);
                return r;
        }
        h->in_transaction = true;
        h->before_last = h->last;
        h->before_newest = h->newest;
        return 0;
}

/* Commits do not wait for the disk (synchronous=NORMAL), so that a tick costs next to nothing; what has to, does so here, by
 * what SQLite itself would call. All of the WAL before it comes with it. */
static int sync_wal(History *h) {
        sqlite3_file *file = NULL;
        int r;

        r = sqlite3_file_control(h->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
        if (r != SQLITE_OK)
                return history_error(h, r);
        if (!file || !file->pMethods)
                return -EIO;
        return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK ? 0 : -EIO;
}

static int commit(History *h) {
        bool durable = h->durable;
        int r = h->failed;

        if (r >= 0)
                r = execute(h, STATEMENT_COMMIT, "COMMIT");
        if (r < 0) {
                h->ticks_lost += h->n_ticks;
                roll_back(h);
        } else {
                forget(h);
                if (durable)
                        r = sync_wal(h);
        }
        history_set_problem(h, PROBLEM_WRITE, r);
        return r;
}

int history_begin(History *h) {
        int r;

        if (h->in_transaction)
                return -EBUSY;
        r = begin(h);
        if (r < 0)
                h->ticks_lost++; /* which is what it was for */
        return r;
}

int history_commit(History *h) {
        return h->in_transaction ? commit(h) : -EINVAL;
}

void history_rollback(History *h) {
        if (h->in_transaction)
                roll_back(h);
}

int transaction_enter(History *h, bool *ret_own) {
        *ret_own = !h->in_transaction;
        if (*ret_own)
                return begin(h);
        return h->failed;
}

int transaction_leave(History *h, bool own, int r) {
        if (r < 0 && h->failed == 0)
                h->failed = r;
        return own ? commit(h) : r;
}

void transaction_make_durable(History *h) {
        h->durable = true;
}
