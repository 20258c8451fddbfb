/* SPDX-License-Identifier: MIT */
#include "timeline.h"

#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "alert-manager.h"
#include "cause.h"
#include "foundation/json-util.h"
#include "journal-collector.h"
#include "manager.h"
#include "shared/log.h"

/* How long what came before an alert is looked for. */
#define PRECEDING_USEC (UINT64_C(10) * 60 * USEC_PER_SEC)

/* How long a change is looked for that may be why a service is down. */
#define CHANGE_USEC (UINT64_C(24) * 3600 * USEC_PER_SEC)
/* So many events are looked through: a service that crashes for hours has no others. */
#define CHANGE_EVENTS 1000

/* What of a service's past decides on the names of what happens to it. */
typedef struct Past {
        bool begun;           /* it was looked at before */
        bool anew;            /* when it was looked at first, it ran, but not as the metricsd before had noted */
        char run[33];         /* the last one that served */
        char result[24];      /* how that ended, as far as systemd has said */
        uint64_t restarts;    /* automatic ones, when it served */
        uint64_t ended_at;    /* monotonic usec, 0 while it serves */
        bool rested;          /* has been stopped or failed since */
        bool for_change;      /* toolooctl has said that it restarts it for a changed file */
        Condition condition;
} Past;

static Past *past_of(Watched *w) {
        if (!w->past)
                w->past = calloc(1, sizeof(Past));
        return w->past;
}

void timeline_forget(Watched *w) {
        free(w->past);
        w->past = NULL;
}

void timeline_add(Manager *m, const Watched *w, const TimelineEvent *event) {
        TimelineEvent whole = *event;

        if (!m->history)
                return;
        if (whole.at == 0)
                whole.at = now_realtime_usec();
        if (w && !whole.service)
                whole.service = w->unit->service->id;
        if (w && !whole.cursor)
                whole.cursor = journal_newest_cursor(w);
        if (w && !whole.invocation_id && *w->unit->invocation_id)
                whole.invocation_id = w->unit->invocation_id;
        if (history_add_event(m->history, &whole) < 0) /* history_problem() says why not */
                return;
        m->latest_event = whole.id;
        manager_have_news(m);
}

/* --- Restarts --- */

static char *restart_detail(const Past *past, uint64_t now, bool automatic) {
        return past->ended_at == 0 ? NULL : str_printf("{\"result\":\"%s\",\"automatic\":%s,\"downMs\":%.3f}",
                                                       past->result, automatic ? "true" : "false",
                                                       (double) (now - past->ended_at) / USEC_PER_MSEC);
}

static void add_restart(Manager *m, const Watched *w, const Past *past, const char *cause, bool automatic) {
        _cleanup_(freep) char *text = NULL, *detail = NULL;
        char down[TIMESPAN_MAX] = "";
        uint64_t now = now_usec();
        bool bad = *past->result && !streq(past->result, "success");

        if (past->ended_at > 0)
                (void) format_timespan(down, now - past->ended_at);
        text = str_printf("restarted %s%s%s%s%s%s", restart_cause_words(cause), bad ? " (" : "",
                          bad ? past->result : "", bad ? ")" : "", *down ? "; it was away for " : "", down);
        detail = restart_detail(past, now, automatic);
        timeline_add(m, w, &(TimelineEvent) { .kind = EVENT_RESTART, .cause = cause, .text = text, .detail = detail });
}

static void begin_run(Manager *m, Watched *w, Past *past) {
        bool automatic = w->unit->restarts > past->restarts;
        const char *acted_on = alerts_acting_on(m->alerts);

        if (*past->run && !past->rested)
                add_restart(m, w, past, restart_cause(&(RunEnd) {
                        .result = past->result, .automatic = automatic, .for_change = past->for_change,
                        .by_metricsd = acted_on && streq(acted_on, w->unit->service->id) }), automatic);
        (void) memcpy(past->run, w->run, sizeof(past->run));
        past->restarts = w->unit->restarts;
        past->ended_at = 0;
        past->rested = past->for_change = false;
        past->result[0] = '\0';
}

/* systemd has a word for how it ended only for as long as the next run has not begun. */
static void follow_run(Manager *m, Watched *w, Past *past) {
        const FleetUnit *u = w->unit;

        if (w->running) {
                if (!streq(past->run, w->run))
                        begin_run(m, w, past);
                return;
        }
        if (past->ended_at == 0)
                past->ended_at = now_usec();
        if (*u->result && (!*past->result || !streq(u->result, "success")))
                (void) snprintf(past->result, sizeof(past->result), "%s", u->result);
        past->rested = past->rested || u->condition != FLEET_CHANGING;
}

void timeline_expect_restart(Watched *w) {
        Past *past = past_of(w);

        if (past)
                past->for_change = true;
}

/* --- Conditions --- */

static void add_condition(Manager *m, const Watched *w, Condition was) {
        const char *from = condition_to_string(was), *to = condition_to_string(w->condition);
        _cleanup_(freep) char *text = NULL, *detail = NULL;

        text = str_printf("%s, was %s%s%s", to, from, w->explanation ? ": " : "", w->explanation ? w->explanation : "");
        detail = str_printf("{\"from\":\"%s\",\"to\":\"%s\"}", from, to);
        timeline_add(m, w, &(TimelineEvent) { .kind = EVENT_STATE, .cause = to, .text = text, .detail = detail });
}

/* What ran anew while metricsd did not run is known by the run that it has noted last. */
static void begin(Manager *m, Watched *w, Past *past) {
        const char *noted = manager_noted_run(m, w->unit->service->id);

        past->begun = true;
        past->condition = w->condition;
        past->restarts = w->unit->restarts;
        if (!w->running)
                return;
        (void) memcpy(past->run, w->run, sizeof(past->run));
        past->anew = noted && !streq(noted, w->run);
}

static void add_anew(Manager *m, const Watched *w) {
        timeline_add(m, w, &(TimelineEvent) {
                .kind = EVENT_RESTART, .cause = "unknown", .text = "has run anew while metricsd did not look" });
}

void timeline_begin(Manager *m) {
        size_t anew = 0, n = fleet_count(m->fleet);

        for (size_t i = 0; i < n; i++) {
                const Watched *w = fleet_at(m->fleet, i)->userdata;

                anew += w && w->past && w->past->anew;
        }
        for (size_t i = 0; i < n && anew * 2 <= n; i++) {
                const Watched *w = fleet_at(m->fleet, i)->userdata;

                if (w && w->past && w->past->anew)
                        add_anew(m, w);
        }
        timeline_add(m, NULL, &(TimelineEvent) {
                .kind = EVENT_MONITOR, .cause = "started",
                .text = anew * 2 > n ? "metricsd watches the services from here on; most have run anew meanwhile"
                                     : "metricsd watches the services from here on" });
}

void timeline_follow(Manager *m, Watched *w) {
        Past *past = past_of(w);

        if (!past) {
                log_errno(-ENOMEM, "What happens to %s is not written down", w->unit->service->id);
                return;
        }
        if (!past->begun)
                begin(m, w, past);
        follow_run(m, w, past);
        if (past->condition == w->condition)
                return;
        /* What is found out at the start has not just happened. */
        if (m->ready)
                add_condition(m, w, past->condition);
        past->condition = w->condition;
}

/* --- What came before --- */

typedef struct Preceding {
        json_object *json;
        uint64_t before, newest;
} Preceding;

static bool add_text(json_object *json, const char *name, const char *text) {
        return !text || json_add(json, name, json_object_new_string(text));
}

static int on_preceding(const TimelineEvent *e, void *userdata) {
        Preceding *p = userdata;
        json_object *json;
        char at[ISO8601_MAX];

        if (p->json && e->at <= p->newest)
                return 0;
        json = json_object_new_object();
        if (!json || !add_text(json, "kind", event_kind_to_string(e->kind)) ||
            !add_text(json, "at", format_iso8601(at, e->at)) ||
            !json_add(json, "secondsBefore", json_rounded((double) (p->before - e->at) / USEC_PER_SEC)) ||
            !add_text(json, "service", e->service) || !add_text(json, "cause", e->cause) ||
            !add_text(json, "text", e->text)) {
                json_object_put(json);
                return -ENOMEM;
        }
        json_object_put(p->json);
        p->json = json;
        p->newest = e->at;
        return 0;
}

static int find_preceding(const Manager *m, const char *service, Preceding *p) {
        return history_each_event(m->history, &(EventQuery) {
                .service = service, .kinds = 1 << EVENT_RESTART | 1 << EVENT_RELOAD | 1 << EVENT_BUILD,
                .from = p->before - PRECEDING_USEC, .to = p->before, .limit = 1 }, on_preceding, p);
}

json_object *timeline_preceding(const Manager *m, const Service *service, uint64_t at) {
        Preceding p = { .before = at };
        int r;

        if (!m->history)
                return NULL;
        r = find_preceding(m, service ? service->id : NULL, &p);
        for (char **need = service ? service->needs : NULL; r >= 0 && need && *need; need++)
                r = find_preceding(m, *need, &p);
        if (r < 0)
                log_debug("Cannot read what came before: %s", strerror(-r));
        return p.json;
}

/* --- The last change --- */

typedef struct LastChange {
        uint64_t newest; /* 0 for none yet */
        bool found;      /* in this query, which brings the newest first */
        void (*each)(const TimelineEvent *event, void *userdata);
        void *userdata;
} LastChange;

/* What systemd brings back by itself changes nothing. */
static bool somebody_did(const TimelineEvent *e) {
        const char *cause = strempty(e->cause);

        return e->kind != EVENT_RESTART || streq(cause, "person") || streq(cause, "reload") || streq(cause, "metricsd");
}

static int on_change(const TimelineEvent *e, void *userdata) {
        LastChange *change = userdata;

        if (change->found || !somebody_did(e))
                return 0;
        change->found = true;
        if (e->at <= change->newest)
                return 0;
        change->newest = e->at;
        change->each(e, change->userdata);
        return 0;
}

static int find_change(const Manager *m, const char *service, uint64_t before, LastChange *change) {
        change->found = false;
        return history_each_event(m->history, &(EventQuery) {
                .service = service, .kinds = 1 << EVENT_RESTART | 1 << EVENT_RELOAD | 1 << EVENT_BUILD,
                .from = before > CHANGE_USEC ? before - CHANGE_USEC : 0, .to = before, .limit = CHANGE_EVENTS },
                on_change, change);
}

int timeline_last_change(const Manager *m, const Service *service, uint64_t before,
                         void (*each)(const TimelineEvent *event, void *userdata), void *userdata) {
        LastChange change = { .each = each, .userdata = userdata };
        int r;

        if (!m->history)
                return 0;
        r = find_change(m, service->id, before, &change);
        for (char **need = service->needs; r >= 0 && need && *need; need++)
                r = find_change(m, *need, before, &change);
        return r < 0 ? r : change.newest > 0;
}
