/* SPDX-License-Identifier: MIT */
#include "books.h"

#include "shared/log.h"

STAILQ_HEAD(JobList, BooksJob);

struct Books {
        Ledger *ledger;
        sd_event_source *turn;
        struct JobList jobs;
};

static int write_one(Ledger *l, BooksJob *job) {
        int r = ledger_begin(l);

        if (r < 0)
                return r;
        r = job->write(l, job->userdata);
        if (r >= 0)
                r = ledger_commit(l);
        if (r < 0)
                ledger_rollback(l);
        return r;
}

/* All or none. */
static int write_group(Ledger *l, struct JobList *jobs) {
        BooksJob *job;
        int r = ledger_begin(l);

        if (r < 0)
                return r;
        STAILQ_FOREACH(job, jobs, entries) {
                job->result = job->write(l, job->userdata);
                if (job->result < 0) {
                        r = job->result;
                        break;
                }
        }
        if (r >= 0)
                r = ledger_commit(l);
        if (r < 0)
                ledger_rollback(l);
        return r;
}

static void write_turn(Books *b) {
        struct JobList jobs = STAILQ_HEAD_INITIALIZER(jobs);
        BooksJob *job;
        int r;

        STAILQ_CONCAT(&jobs, &b->jobs);
        r = write_group(b->ledger, &jobs);
        if (r < 0) {
                /* One that cannot be written must not take the others along. */
                STAILQ_FOREACH(job, &jobs, entries)
                        job->result = write_one(b->ledger, job);
        }
        while ((job = STAILQ_FIRST(&jobs))) {
                STAILQ_REMOVE_HEAD(&jobs, entries);
                if (job->result < 0 && job->result != -ESRCH) /* a row that the client named, and was not there */
                        log_errno(job->result, "The ledger cannot be written");
                job->done(job->result < 0 ? job->result : 0, job->userdata); /* which may free it, or add it anew */
        }
}

static int on_turn(sd_event_source *source, void *userdata) {
        Books *b = userdata;

        if (!STAILQ_EMPTY(&b->jobs))
                write_turn(b);
        return 0;
}

int books_new(sd_event *event, Ledger *l, Books **ret) {
        _cleanup_(books_freep) Books *b = calloc(1, sizeof(Books));
        int r;

        if (!b)
                return -ENOMEM;
        b->ledger = l;
        STAILQ_INIT(&b->jobs);
        /* Of the usual priority: what is ready before it goes first, and nothing that is always ready keeps it out. */
        r = sd_event_add_defer(event, &b->turn, on_turn, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->turn, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

Books *books_free(Books *b) {
        if (!b)
                return NULL;
        sd_event_source_disable_unref(b->turn);
        free(b);
        return NULL;
}

void books_add(Books *b, BooksJob *job) {
        int r;

        job->result = 0;
        STAILQ_INSERT_TAIL(&b->jobs, job, entries);
        r = sd_event_source_set_enabled(b->turn, SD_EVENT_ONESHOT);
        if (r < 0 && r != -ESTALE) /* the loop has ended: books_flush() follows */
                log_errno(r, "Cannot plan to write the ledger");
}

void books_flush(Books *b) {
        while (!STAILQ_EMPTY(&b->jobs))
                write_turn(b);
}
