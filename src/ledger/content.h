/* SPDX-License-Identifier: MIT */
#pragma once

#include "ledger.h"

/* What people have asked and were answered: of those calls alone for which that was wished, for as long as was wished, and in
 * a file of its own, DIRECTORY/content.db, which can be deleted, or left out of a backup, without loss to the ledger. Nothing
 * else keeps any of it. What is over is overwritten, not only marked free. */

#define CONTENT_DAYS_MAX 3650 /* that can be wished for */

typedef struct Content Content;

typedef struct ContentEntry {
        int64_t request;    /* the ledger's row */
        const char *name;   /* the id that the client was told */
        uint64_t at, expires; /* realtime usec */
        const char *prompt; /* the client's request, JSON */
        const void *answer; /* what it was sent: JSON, or the events of a stream */
        size_t answer_size;
} ContentEntry;

/* Modes and errors as of ledger_open(); LEDGER_WRITE makes the file, not the directory. */
int content_open(const char *directory, LedgerMode mode, Content **ret);
Content *content_free(Content *c);
TL_DEFINE_CLEANUP(Content *, content_free)

int content_add(Content *c, const ContentEntry *entry); /* -EEXIST: that request's is there */
/* Deletes what is over. *ret_next: when the next one is, UINT64_MAX for none. */
int content_expire(Content *c, uint64_t now, uint64_t *ret_next);
/* Those of that id (of the client or the ledger; NULL for all) in their order, as long as tell returns 0 or more. Its texts
 * last until it returns. */
int content_tell(Content *c, const char *id, int (*tell)(const ContentEntry *entry, void *userdata), void *userdata);
