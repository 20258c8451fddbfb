/* SPDX-License-Identifier: MIT */
#include "history-internal.h"
#include "tidy.h"

/* What has been committed goes from the WAL into the database once it is as much as this (4 MiB). It waits for the disk, so no
 * commit does it. */
#define CHECKPOINT_PAGES 1000

/* A reader elsewhere may keep the WAL from beginning anew: then the next time is as many pages on. */
static int check_point(History *h, int at_least) {
        int pages = 0, done = 0, r;

        if (h->wal_pages < h->wal_done)
                h->wal_done = 0;
        if (h->wal_pages - h->wal_done < at_least)
                return 0;
        r = sqlite3_wal_checkpoint_v2(h->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
        h->wal_done = h->wal_pages;
        r = r == SQLITE_BUSY ? 0 : history_error(h, r);
        history_set_problem(h, PROBLEM_CHECKPOINT, r);
        return r;
}

static int tidy(History *h, uint64_t now) {
        int r;

        if (h->tidied == now / USEC_PER_HOUR)
                return 0;
        r = tidy_step(h, now);
        if (r == 0)
                h->tidied = now / USEC_PER_HOUR;
        return r;
}

int history_seal_step(History *h, uint64_t now) {
        int r;

        if (h->in_transaction)
                return -EBUSY;
        if (!h->db || h->damaged)
                return 0; /* the next tick sees to that */
        if (history_problem(h)) {
                /* On a full disk this may be all the room there is: what is in the database makes way in the WAL. */
                r = check_point(h, 1);
                if (r < 0)
                        return r;
        }
        if (h->seal.active)
                return seal_go_on(h);
        r = seal_begin(h, now);
        if (r == 0)
                r = tidy(h, now);
        if (r == 0)
                r = check_point(h, CHECKPOINT_PAGES);
        if (r == 0)
                h->packer = packer_free(h->packer); /* until there is another hour or question */
        return r;
}
