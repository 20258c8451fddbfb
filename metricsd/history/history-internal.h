/* SPDX-License-Identifier: MIT */
#pragma once

#include <sqlite3.h>
#include <string.h>

#include "history.h"
#include "pack.h"
#include "seal.h"
#include "service.h"
#include "statement.h"

/* What the files of the store share. Nothing here is for others. */

#define USEC_PER_HOUR (3600 * USEC_PER_SEC)
#define SECONDS_PER_HOUR 3600

/* What can go wrong by itself: what is written each tick may fit on a disk where a whole hour does not. */
typedef enum ProblemKind {
        PROBLEM_WRITE,
        PROBLEM_SEAL,
        PROBLEM_CHECKPOINT,
        _PROBLEM_KIND_MAX,
} ProblemKind;

struct History {
        char *path;
        sqlite3 *db; /* NULL while it cannot be opened; each write tries again */
        int open_error;
        bool damaged; /* seen in use: set aside before the next write */
        unsigned reading; /* callbacks that are running */
        sqlite3_stmt *statements[_STATEMENT_MAX];
        char *problems[_PROBLEM_KIND_MAX];

        /* The transaction that is open. */
        bool in_transaction;
        bool durable;
        int failed;     /* the first error in it */
        size_t n_ticks; /* in it that are none elsewhere */
        uint64_t before_last, before_newest; /* what a rollback goes back to */

        ServiceTable services;
        Packer *packer;
        uint64_t last;   /* second of the tick that came last */
        uint64_t newest; /* the latest second there is a tick of */
        uint8_t *row;
        size_t row_size;

        Seal seal;
        uint64_t tidied; /* the hour in which all that is old was last looked for */
        int wal_pages, wal_done; /* in the WAL, and of these in the database too */
        uint64_t ticks_lost;
        bool blob_complained; /* once is enough */
};

static inline bool string_too_long(const char *s) {
        return s && strlen(s) > HISTORY_STRING_MAX;
}

/* A transaction of one's own. The end commits it unless r is an error, in which case it is rolled back; r else. Either's
 * failure is the problem of that kind, as the end's success is the end of it. */
int transaction_begin(History *h, ProblemKind kind);
int transaction_end(History *h, ProblemKind kind, int r);

/* The same unless the caller has one open, which *ret_own says. With an error the caller's is one that can only be rolled
 * back. */
int transaction_enter(History *h, bool *ret_own);
int transaction_leave(History *h, bool own, int r);
/* What is in the transaction is on the disk when its commit returns. */
void transaction_make_durable(History *h);

/* One line in the journal when it is another than before; error 0 for none. */
void history_set_problem(History *h, ProblemKind kind, int error);
