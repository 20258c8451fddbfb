/* SPDX-License-Identifier: MIT */
#include "journal-collector.h"

#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "collector.h"
#include "journal/reader.h"
#include "manager.h"
#include "shared/log.h"

#define MESSAGE_ID_STARTING "7d4958e842da4a758f6c1cdc7b36dcc5" /* SD_MESSAGE_UNIT_STARTING */
#define LOSSES_MAX 16

/* Something that was not seen, or not kept. */
typedef struct Loss {
        char *why;     /* NULL: none */
        char *service; /* NULL: of all of them */
        uint64_t at;
} Loss;

struct JournalCollector {
        Manager *manager;
        Account *account;
        JournalReader *reader; /* NULL until the fleet is known, for lines of services that nobody knows count for nothing */
        JournalGroups *groups;
        Loss losses[LOSSES_MAX];
        size_t newest_loss;
        journal_event_t event;
        void *userdata;
        /* The service of the line before, which is mostly that of the next. */
        char last_unit[64];
        Watched *last;
};

/* --- Losses --------------------------------------------------------------------------------------------------------- */

static bool matches(const char *a, const char *b) {
        return !a || !b || streq(a, b);
}

static void remember_loss(JournalCollector *c, const char *service, const char *why, uint64_t at) {
        Loss *loss = c->losses + (c->newest_loss + 1) % LOSSES_MAX;
        char *copy = strdup(why), *of = service ? strdup(service) : NULL;

        if (!copy || (service && !of)) {
                free(copy);
                free(of);
                return;
        }
        free(loss->why);
        free(loss->service);
        *loss = (Loss) { .why = copy, .service = of, .at = at };
        c->newest_loss = (size_t) (loss - c->losses);
}

static void on_lost(const char *why, uint64_t at, void *userdata) {
        JournalCollector *c = userdata;
        uint64_t now = now_realtime_usec();

        log_warning("Errors of services may be missing: %s", why);
        remember_loss(c, NULL, why, at);
        for (size_t i = 0; i < fleet_count(c->manager->fleet); i++) {
                Watched *w = fleet_at(c->manager->fleet, i)->userdata;

                if (w)
                        journal_tally_lose(&w->logged, now);
        }
}

/* Once for a service and all that is pending together. */
static void lose_group(JournalCollector *c, const char *service) {
        static const char why[] = "more different errors came within one interval than are kept: not all are listed";
        const Loss *newest = c->losses + c->newest_loss;

        if (newest->service && streq(newest->service, service) && newest->at + 60 * USEC_PER_SEC > now_realtime_usec())
                return;
        log_warning("%s: %s", service, why);
        remember_loss(c, service, why, now_realtime_usec());
}

const char *journal_incomplete(const JournalCollector *c, const char *service, uint64_t now) {
        if (c->reader && journal_reader_problem(c->reader))
                return journal_reader_problem(c->reader);
        for (size_t i = 0; i < LOSSES_MAX; i++) {
                const Loss *loss = c->losses + (c->newest_loss + LOSSES_MAX - i) % LOSSES_MAX;

                if (loss->why && loss->at + JOURNAL_LOSS_USEC > now && matches(loss->service, service))
                        return loss->why;
        }
        return NULL;
}

/* --- Lines ---------------------------------------------------------------------------------------------------------- */

/* tooloo-ID.service, tooloo-ID@INSTANCE.service */
static Watched *find(JournalCollector *c, const char *unit) {
        const char *id = startswith(unit, "tooloo-");
        size_t n = id ? strcspn(id, "@.") : 0;
        const FleetUnit *u;
        char name[33];

        if (n == 0 || n >= sizeof(name) || !endswith(unit, ".service"))
                return NULL;
        (void) memcpy(name, id, n);
        name[n] = 0;
        u = fleet_find(c->manager->fleet, name);
        return u ? u->userdata : NULL;
}

static Watched *watched_of(JournalCollector *c, const char *unit) {
        Watched *w;

        if (!unit)
                return NULL;
        if (c->last && streq(c->last_unit, unit))
                return c->last;
        w = find(c, unit);
        if (w && strlen(unit) < sizeof(c->last_unit)) {
                (void) strcpy(c->last_unit, unit);
                c->last = w;
        }
        return w;
}

static void follow_generation(Watched *w, const JournalLine *line) {
        if (line->message_id && streq(line->message_id, MESSAGE_ID_STARTING) && line->invocation_id) {
                (void) snprintf(w->logged_run, sizeof(w->logged_run), "%s", line->invocation_id);
                w->logged_run_at = line->at;
        } else if (line->event && streq(line->event, "reloaded"))
                w->logged_reload_at = line->at;
}

static void count(JournalCollector *c, Watched *w, const JournalLine *line) {
        int r;

        journal_tally_add(&w->logged, line, now_realtime_usec());
        follow_generation(w, line);
        r = str_replace(&w->logged_cursor, line->cursor);
        if (r >= 0 && line->priority <= JOURNAL_LEVEL_ERROR)
                r = journal_groups_add(c->groups, w->unit->service->id, line);
        if (r == -ENOBUFS)
                lose_group(c, w->unit->service->id);
        else if (r < 0)
                log_errno(r, "Cannot keep an error of %s", w->unit->service->id);
}

static void on_line(const JournalLine *line, void *userdata) {
        JournalCollector *c = userdata;
        Watched *w = watched_of(c, line->unit);

        if (w)
                count(c, w, line);
        if (line->event && c->event)
                c->event(line, c->userdata);
}

static const JournalReaderEvents reader_events = { .line = on_line, .lost = on_lost };

/* --- What others ask ------------------------------------------------------------------------------------------------ */

void journal_set_listener(JournalCollector *c, journal_event_t event, void *userdata) {
        c->event = event;
        c->userdata = userdata;
}

/* While nothing can be read, none is none that anybody knows of. */
static double or_unknown(const JournalCollector *c, double errors) {
        return errors == 0 && (!c->reader || journal_reader_problem(c->reader)) ? NAN : errors;
}

double journal_recent_errors(const JournalCollector *c, const Watched *w, uint64_t now) {
        return or_unknown(c, journal_tally_recent(&w->logged, now));
}

double journal_tick_errors(const JournalCollector *c, const Watched *w) {
        return or_unknown(c, journal_tally_tick(&w->logged));
}

const char *journal_newest_cursor(const Watched *w) {
        return w->logged_cursor;
}

/* A start counts from when systemd said that it begins, not from when the service was ready: it may log errors before. */
uint64_t journal_generation_began(const Watched *w, uint64_t now) {
        const FleetUnit *u = w->unit;
        uint64_t run = 0;

        if (w->logged_run_at > 0 && streq(w->logged_run, u->invocation_id))
                run = w->logged_run_at;
        else if (u->active_since > 0)
                run = now - MIN(now, now_usec() - u->active_since);
        return MAX(run, w->logged_reload_at);
}

const JournalGroups *journal_pending(const JournalCollector *c) {
        return c->groups;
}

/* --- As a collector ------------------------------------------------------------------------------------------------- */

static void follow(void *state, Watched *w, unsigned changes) {
        JournalCollector *c = state;
        int r;

        if (c->reader)
                return;
        r = journal_reader_new(c->manager->event, NULL, &reader_events, c, &c->reader);
        if (r < 0)
                log_errno(r, "Cannot follow the journal");
}

static void removed(void *state, Watched *w) {
        JournalCollector *c = state;

        if (c->last == w)
                c->last = NULL;
}

static void fini(void *state) {
        JournalCollector *c = state;

        c->manager->journal = NULL;
        journal_reader_free(c->reader);
        journal_groups_free(c->groups);
        for (size_t i = 0; i < LOSSES_MAX; i++) {
                free(c->losses[i].why);
                free(c->losses[i].service);
        }
        free(c);
}

static int init(Manager *manager, Account *account, void **ret_state) {
        JournalCollector *c = calloc(1, sizeof(JournalCollector));
        int r;

        if (!c)
                return -ENOMEM;
        c->manager = manager;
        c->account = account;
        r = journal_groups_new(&c->groups);
        if (r < 0) {
                free(c);
                return r;
        }
        *ret_state = manager->journal = c;
        return 0;
}

const Collector journal_collector = {
        .name = "journal",
        .init = init,
        .fini = fini,
        .follow = follow,
        .removed = removed,
};
