/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "journal-internal.h"

/* What of the journal lasts: see journal_flush(). */

/* In the history: up to where the journal was read. */
#define CURSOR "journal-cursor"
/* Causes of events in the timeline. */
#define LINES_LOST "lines-lost"
#define ERRORS_UNLISTED "errors-unlisted"

static int flush_losses(JournalCollector *c, History *h) {
        int r = 0;

        for (size_t i = 0; i < JOURNAL_LOSSES_MAX && r >= 0; i++) {
                const JournalLoss *loss = c->losses.all + i;

                if (loss->why && !loss->kept)
                        r = history_add_event(h, &(TimelineEvent) {
                                .at = loss->at, .service = loss->service, .kind = EVENT_MONITOR, .text = loss->why,
                                .cause = loss->service ? ERRORS_UNLISTED : LINES_LOST });
        }
        return r;
}

int journal_flush(JournalCollector *c, History *h) {
        const char *cursor = c->reader ? journal_reader_cursor(c->reader) : NULL;
        int r = 0;

        for (const JournalGroup *g = journal_groups_first(c->groups); g && r >= 0; g = g->next)
                r = history_add_error(h, &(ErrorGroup) {
                        .service = g->service, .fingerprint = g->fingerprint, .message = g->message,
                        .sample = g->sample, .message_id = g->message_id, .code_func = g->code_func,
                        .priority = g->priority, .count = g->count, .first = g->first, .last = g->last,
                        .cursor = g->cursor });
        if (r >= 0)
                r = flush_losses(c, h);
        return r < 0 || !cursor ? r : history_put_text(h, CURSOR, cursor, false);
}

void journal_flushed(JournalCollector *c, bool ok) {
        if (!ok)
                return;
        journal_groups_clear(c->groups);
        for (size_t i = 0; i < JOURNAL_LOSSES_MAX; i++)
                c->losses.all[i].kept = true;
        for (size_t i = 0; i < fleet_count(c->manager->fleet); i++) {
                Watched *w = fleet_at(c->manager->fleet, i)->userdata;

                if (w)
                        journal_tally_kept(&w->logged);
        }
}

static int on_event(const TimelineEvent *event, void *userdata) {
        JournalCollector *c = userdata;
        JournalLoss loss = { .why = (char *) event->text, .service = (char *) event->service, .at = event->at, .kept = true,
                             .earlier = true };

        if (!event->cause || !event->text || (!streq(event->cause, LINES_LOST) && !streq(event->cause, ERRORS_UNLISTED)))
                return 0;
        return journal_losses_add(&c->losses, &loss);
}

char *journal_load_place(JournalCollector *c) {
        uint64_t now = now_realtime_usec();
        char *cursor = NULL;
        int r;

        r = history_each_event(c->manager->history, &(EventQuery) {
                .kinds = 1U << EVENT_MONITOR, .from = now - JOURNAL_LOSS_USEC, .to = UINT64_MAX,
                .limit = JOURNAL_LOSSES_MAX }, on_event, c);
        if (r >= 0)
                r = history_get_text(c->manager->history, CURSOR, &cursor);
        if (r < 0 && r != -ENODATA)
                journal_lose(c, "where the journal was read last cannot be told", now);
        c->has_place = cursor;
        return cursor;
}

void journal_keep_place(JournalCollector *c) {
        const char *cursor = c->has_place ? NULL : journal_reader_cursor(c->reader);

        if (!cursor)
                return;
        c->has_place = true;
        (void) history_put_text(c->manager->history, CURSOR, cursor, false); /* history_problem() says why not */
}
