/* SPDX-License-Identifier: MIT */
#include "contents.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* Retention is counted in days. */
#define ACCURACY_USEC (60 * USEC_PER_SEC)
#define AGAIN_USEC (600 * USEC_PER_SEC)

struct Contents {
        char *directory;
        Content *file; /* NULL until there is one */
        sd_event_source *timer;
};

static void plan(Contents *k, uint64_t at) {
        int r = sd_event_source_set_time(k->timer, at);

        if (r >= 0)
                r = sd_event_source_set_enabled(k->timer, at == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        if (r < 0 && r != -ESTALE) /* the loop has ended */
                log_errno(r, "Cannot plan to delete kept contents");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        uint64_t now = now_realtime_usec(), next = UINT64_MAX;
        Contents *k = userdata;
        int r = 0;

        if (!k->file)
                r = content_open(k->directory, LEDGER_WRITE, &k->file);
        if (r >= 0)
                r = content_expire(k->file, now, &next);
        if (r < 0) {
                log_errno(r, "Kept contents that are over cannot be deleted; it is tried again");
                next = now + AGAIN_USEC;
        }
        plan(k, next);
        return 0;
}

int contents_new(sd_event *event, const char *directory, Contents **ret) {
        _cleanup_(contents_freep) Contents *k = calloc(1, sizeof(Contents));
        Content *there = NULL;
        int r;

        if (!k || !(k->directory = strdup(directory)))
                return -ENOMEM;
        r = sd_event_add_time(event, &k->timer, CLOCK_REALTIME, 0, ACCURACY_USEC, on_timer, k);
        if (r < 0)
                return r;
        r = content_open(directory, LEDGER_READ, &there);
        content_free(there);
        plan(k, r == -ENOENT ? UINT64_MAX : 0);
        *ret = TAKE_PTR(k);
        return 0;
}

Contents *contents_free(Contents *k) {
        if (!k)
                return NULL;
        sd_event_source_disable_unref(k->timer);
        content_free(k->file);
        free(k->directory);
        free(k);
        return NULL;
}

void contents_keep(Contents *k, const ContentEntry *entry) {
        uint64_t next;
        int r = 0;

        if (!k->file)
                r = content_open(k->directory, LEDGER_WRITE, &k->file);
        if (r >= 0)
                r = content_add(k->file, entry);
        if (r >= 0)
                r = content_expire(k->file, now_realtime_usec(), &next);
        if (r < 0)
                log_errno(r, "What request %s said cannot be kept", entry->name);
        else
                plan(k, next);
}
