/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>

#include "database.h"
#include "history-internal.h"

/* What could not be opened may be by now; what has shown itself damaged makes way for a new one, unless it is just being
 * read. */
static int make_usable(History *h) {
        if (h->damaged && h->reading > 0)
                return -EBADMSG;
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

int transaction_begin(History *h, ProblemKind kind) {
        int r;

        r = make_usable(h);
        if (r >= 0)
                r = execute(h, STATEMENT_BEGIN, "BEGIN IMMEDIATE");
        if (r < 0) {
                history_set_problem(h, kind, r);
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

int transaction_end(History *h, ProblemKind kind, int r) {
        bool durable = h->durable;
        int error = MIN(r, 0);

        if (error == 0)
                error = h->failed;
        if (error == 0)
                error = execute(h, STATEMENT_COMMIT, "COMMIT");
        if (error < 0) {
                h->ticks_lost += h->n_ticks;
                roll_back(h);
        } else {
                forget(h);
                if (durable)
                        error = sync_wal(h);
        }
        /* A caller's mistake says nothing about the disk; and what is damaged is soon set aside, with a line of its own. */
        if (error != -EINVAL && !h->damaged)
                history_set_problem(h, kind, error);
        return error < 0 ? error : r;
}

int transaction_enter(History *h, bool *ret_own) {
        *ret_own = !h->in_transaction;
        if (*ret_own)
                return transaction_begin(h, PROBLEM_WRITE);
        return h->failed;
}

int transaction_leave(History *h, bool own, int r) {
        if (own)
                return transaction_end(h, PROBLEM_WRITE, r);
        if (r < 0 && h->failed == 0)
                h->failed = r;
        return r;
}

void transaction_make_durable(History *h) {
        h->durable = true;
}

int history_begin(History *h) {
        int r;

        if (h->in_transaction)
                return -EBUSY;
        r = transaction_begin(h, PROBLEM_WRITE);
        if (r < 0)
                h->ticks_lost++; /* which is what it was for */
        return r;
}

int history_commit(History *h) {
        return h->in_transaction ? transaction_end(h, PROBLEM_WRITE, 0) : -EINVAL;
}

void history_rollback(History *h) {
        if (!h->in_transaction)
                return;
        if (h->failed < 0)
                (void) transaction_end(h, PROBLEM_WRITE, h->failed); /* whoever rolls it back knows why */
        else
                roll_back(h);
}
