/* SPDX-License-Identifier: MIT */
#include "event.h"

/* What the journal has of it: ends of jobs and failures, as systemd says them, and reloads, as the service hosts do. */

typedef struct PastEvent {
        Event event; /* its strings are its own, but for id */
        char *text, *job, *result;
} PastEvent;

typedef struct Past {
        const Ctl *ctl;
        sd_journal *journal;
        PastEvent *events; /* the newest first */
        size_t n, room;
} Past;

static void past_event_done(PastEvent *p) {
        free(p->text);
        free(p->job);
        free(p->result);
}

static void past_done(Past *past) {
        for (size_t i = 0; i < past->n; i++)
                past_event_done(past->events + i);
        free(past->events);
        sd_journal_close(past->journal);
}

static const char *id_of(const Past *past) {
        static const char *const fields[] = { "USER_UNIT", "_SYSTEMD_USER_UNIT" };

        for (size_t f = 0; f < ELEMENTSOF(fields); f++) {
                _cleanup_(freep) char *unit = NULL;

                if (journal_field_optional(past->journal, fields[f], &unit) <= 0)
                        continue;
                for (size_t i = 0; i < past->ctl->n_selected; i++)
                        if (streq(past->ctl->selected[i]->unit, unit))
                                return past->ctl->selected[i]->id;
                return NULL; /* a socket's */
        }
        return NULL;
}

/* 1 when the entry is an event. */
static int classify(const Past *past, PastEvent *p) {
        _cleanup_(freep) char *event = NULL, *failure = NULL, *generation = NULL;
        unsigned long number = 0;
        int r;

        r = journal_field_optional(past->journal, "JOB_RESULT", &p->result);
        if (r > 0) {
                p->event.kind = EVENT_JOB;
                return journal_field_optional(past->journal, "JOB_TYPE", &p->job);
        }
        if (r >= 0)
                r = journal_field_optional(past->journal, "UNIT_RESULT", &failure);
        if (r > 0) {
                p->event.kind = EVENT_STATE;
                p->event.to = "failed";
                return r;
        }
        if (r >= 0)
                r = journal_field_optional(past->journal, "TOOLOO_EVENT", &event);
        if (r <= 0)
                return r;
        if (!streq(event, "reloaded") && !streq(event, "reload-rejected") && !streq(event, "rolled-back"))
                return 0;
        p->event.kind = EVENT_RELOAD;
        p->result = strdup(streq(event, "reload-rejected") ? "rejected" : event);
        if (!p->result)
                return -ENOMEM;
        r = journal_field_optional(past->journal, "TOOLOO_GENERATION", &generation);
        if (generation)
                (void) parse_uint(generation, 0, UINT32_MAX, &number);
        p->event.generation = number;
        return r < 0 ? r : 1;
}

/* 1 when the entry is an event of a selected service. */
static int read_event(const Past *past, PastEvent *p) {
        int r;

        p->event.id = id_of(past);
        if (!p->event.id)
                return 0;
        r = classify(past, p);
        if (r > 0)
                r = sd_journal_get_realtime_usec(past->journal, &p->event.time);
        if (r >= 0 && p->event.time > 0)
                r = journal_field_optional(past->journal, "MESSAGE", &p->text);
        return r < 0 ? r : p->text != NULL;
}

/* Takes over what p has, also on failure. */
static int keep(Past *past, PastEvent *p) {
        if (past->n == past->room) {
                size_t room = past->room * 2 + 32;
                PastEvent *grown = reallocarray(past->events, room, sizeof(PastEvent));

                if (!grown) {
                        past_event_done(p);
                        return -ENOMEM;
                }
                past->events = grown;
                past->room = room;
        }
        past->events[past->n++] = *p;
        return 0;
}

/* From the newest on, for there are far more lines than events. */
static int collect(Past *past, uint64_t lines, uint64_t since) {
        uint64_t time;
        int r;

        r = sd_journal_seek_tail(past->journal);
        while (r >= 0 && past->n < lines && (r = sd_journal_previous(past->journal)) > 0) {
                PastEvent p = {};

                if (sd_journal_get_realtime_usec(past->journal, &time) >= 0 && time < since)
                        break;
                r = read_event(past, &p);
                if (r > 0)
                        r = keep(past, &p);
                else
                        past_event_done(&p);
                if (r == -EBADMSG) /* one damaged entry is no reason to withhold those before it */
                        r = 0;
        }
        return r;
}

int events_print_past(const Ctl *ctl, uint64_t lines, uint64_t since) {
        _cleanup_(freep) LogSource *sources = calloc(ctl->n_selected + 1, sizeof(LogSource));
        _cleanup_(past_done) Past past = { .ctl = ctl };
        int r;

        if (!sources)
                return -ENOMEM;
        for (size_t i = 0; i < ctl->n_selected; i++)
                sources[i] = log_source_of(ctl, ctl->selected[i]);
        r = journal_open(sources, ctl->n_selected, &past.journal);
        if (r >= 0)
                r = collect(&past, lines, since);
        for (size_t i = past.n; i > 0 && r >= 0; i--) {
                PastEvent *p = past.events + i - 1;

                p->event.text = p->text;
                p->event.job = p->job;
                p->event.result = p->result;
                r = event_print(ctl, &p->event);
        }
        return MIN(r, 0);
}
