/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "ledger/ledger.h"

/* What is to be written into the ledger in one turn of the loop is written as one transaction, after everything that was
 * ready has had its turn: under load a commit then serves many calls. */
typedef struct Books Books;

/* Part of whatever it is about; stays until done is called. */
typedef struct BooksJob {
        /* May run a second time, when what others wrote in the same transaction could not be kept. Negative errno:
         * nothing of it is kept. */
        int (*write)(Ledger *l, void *userdata);
        /* It is on disk, or the error why not. */
        void (*done)(int error, void *userdata);
        void *userdata;
        int result;
        STAILQ_ENTRY(BooksJob) entries;
} BooksJob;

/* l must live longer. */
int books_new(sd_event *event, Ledger *l, Books **ret);
/* There must be no job left. */
Books *books_free(Books *b);
TL_DEFINE_CLEANUP(Books *, books_free)

/* Never calls it back from within. */
void books_add(Books *b, BooksJob *job);
/* Writes what there is, and what comes of that, at once: for the end. */
void books_flush(Books *b);
