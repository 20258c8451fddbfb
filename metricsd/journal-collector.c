/* SPDX-License-Identifier: MIT */
#include "journal-internal.h"

#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* The same loss is told once within this time. */
#define SAME_USEC (60 * USEC_PER_SEC)

/* What a service that has just come says first is to be counted, too; but not at the price of the others, where the list of
 * services is read again and again. */
#define HOLD_USEC USEC_PER_SEC

#define MESSAGE_ID_STARTING "7d4958e842da4a758f6c1cdc7b36dcc5" /* SD_MESSAGE_UNIT_STARTING */

/* --- Losses --------------------------------------------------------------------------------------------------------- */

static void remember_loss(JournalCollector *c, const char *service, const char *why, uint64_t at) {
        JournalLoss loss = { .why = (char *) why, .service = (char *) service, .at = at }; /* to be copied */
        int r = journal_losses_add(&c->losses, &loss);

        if (r < 0)
                log_errno(r, "Cannot remember that errors may be missing");
}

void journal_lose(JournalCollector *c, const char *why, uint64_t at) {
        uint64_t now = now_realtime_usec();

        if (!journal_losses_has(&c->losses, NULL, why, now - SAME_USEC)) {
                log_warning("Errors of services may be missing: %s", why);
                remember_loss(c, NULL, why, at);
        }
        for (size_t i = 0; i < fleet_count(c->manager->fleet); i++) {
                Watched *w = fleet_at(c->manager->fleet, i)->userdata;

                if (w)
                        journal_tally_lose(&w->logged, now);
        }
}

static void on_lost(const char *why, uint64_t at, void *userdata) {
        journal_lose(userdata, why, at);
}

/* They are still counted. */
static void lose_group(JournalCollector *c, const char *service, uint64_t now) {
        static const char why[] = "more different errors came within one interval than are kept: not all are listed";

        if (journal_losses_has(&c->losses, service, why, now - SAME_USEC))
                return;
        log_warning("%s: %s", service, why);
        remember_loss(c, service, why, now);
}

const char *journal_incomplete(const JournalCollector *c, const char *service, uint64_t now) {
        const JournalLoss *loss;

        if (c->reader && journal_reader_problem(c->reader))
                return journal_reader_problem(c->reader);
        loss = journal_losses_since(&c->losses, service, now - JOURNAL_LOSS_USEC);
        return loss ? loss->why : NULL;
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
                (void) memcpy(c->last_unit, unit, strlen(unit) + 1);
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
        uint64_t now = now_realtime_usec();
        int r;

        journal_tally_add(&w->logged, line, now);
        follow_generation(w, line);
        r = str_replace(&w->logged_cursor, line->cursor);
        if (r >= 0 && line->priority <= JOURNAL_LEVEL_ERROR)
                r = journal_groups_add(c->groups, w->unit->service->id, line);
        if (r == -ENOBUFS)
                lose_group(c, w->unit->service->id, now);
        else if (r < 0)
                log_errno(r, "Cannot keep an error of %s", w->unit->service->id);
}

static void on_line(const JournalLine *line, void *userdata) {
        JournalCollector *c = userdata;
        Watched *w = watched_of(c, line->unit);

        c->has_place = true; /* from here on it lies behind what is counted, and comes with that */
        if (w)
                count(c, w, line);
        if (line->event && c->event)
                c->event(line, c->userdata);
}

static bool on_turn(void *userdata) {
        JournalCollector *c = userdata;
        uint64_t now = now_usec();

        (void) account_charge(c->account); /* to the end of this turn of the loop */
        if (fleet_is_current(c->manager->fleet))
                c->held = 0;
        else if (c->held == 0)
                c->held = now;
        if (c->held > 0 && now < c->held + HOLD_USEC)
                return false;
        journal_keep_place(c);
        return true;
}

static void on_settled(const char *problem, void *userdata) {
        JournalCollector *c = userdata;

        if (!problem) {
                account_ok(c->account);
                return;
        }
        if (account_is_ok(c->account))
                remember_loss(c, NULL, problem, now_realtime_usec());
        account_failed(c->account, "what services log is not counted: %s", problem);
}

static const JournalReaderEvents reader_events = {
        .line = on_line,
        .lost = on_lost,
        .turn = on_turn,
        .settled = on_settled,
};

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
        _cleanup_(freep) char *cursor = NULL;
        int r;

        if (c->reader) {
                journal_reader_go_on(c->reader); /* the list may be the newest again */
                return;
        }
        cursor = journal_load_place(c);
        r = journal_reader_new(c->manager->event, cursor, &reader_events, c, &c->reader);
        if (r < 0)
                log_errno(r, "Cannot follow the journal");
}

static void removed(void *state, Watched *w) {
        JournalCollector *c = state;

        if (c->last == w)
                c->last = NULL;
}

static void tick(void *state, Watched *w) {
        JournalCollector *c = state;

        if (c->reader && fleet_at(c->manager->fleet, 0)->userdata == w) /* once for all of them */
                journal_reader_tick(c->reader);
}

static void fini(void *state) {
        JournalCollector *c = state;

        c->manager->journal = NULL;
        journal_reader_free(c->reader);
        journal_groups_free(c->groups);
        journal_losses_done(&c->losses);
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
        .tick = tick,
};
