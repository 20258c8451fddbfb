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

/* A restart so soon after somebody said that it comes for a changed file does. */
#define RESTART_USEC (UINT64_C(6) * 60 * USEC_PER_SEC)

/* For the reason of a restart that nobody seems to have asked for but a person. */
#define HOLD_USEC (1 * USEC_PER_SEC)

typedef struct Restart {
        uint64_t at;     /* realtime usec */
        uint64_t down;   /* usec, 0 where that is not known */
        char result[24]; /* how the run before ended */
        bool automatic;
} Restart;

/* What of a service's past decides on the names of what happens to it. */
typedef struct Past {
        bool begun;           /* it was looked at before */
        bool anew;            /* when it was looked at first, it ran, but not as the metricsd before had noted */
        char run[33];         /* the last one that served */
        char result[24];      /* how that ended, as far as systemd has said */
        uint64_t restarts;    /* automatic ones, when it served */
        uint64_t ended_at;    /* monotonic usec, 0 while it serves */
        bool rested;          /* has been stopped or failed since */
        uint64_t change_at;   /* monotonic usec: a changed file was said to restart it; 0 for none, or when that came to pass */
        char *change_file;    /* which; NULL where that was not said */
        Condition condition;
        sd_event_source *hold; /* while a restart is held back */
        Restart held;
        Manager *manager;
} Past;

static Past *past_of(Watched *w) {
        if (!w->past)
                w->past = calloc(1, sizeof(Past));
        return w->past;
}

void timeline_forget(Watched *w) {
        if (w->past) {
                sd_event_source_disable_unref(w->past->hold);
                free(w->past->change_file);
        }
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

/* The caller puts it; NULL for none. */
static json_object *restart_detail(const Restart *restart, const char *file) {
        json_object *json = restart->down > 0 || file ? json_object_new_object() : NULL;

        if (!json)
                return NULL;
        if (restart->down > 0) {
                (void) json_add(json, "result", json_object_new_string(restart->result));
                (void) json_add(json, "automatic", json_object_new_boolean(restart->automatic));
                (void) json_add(json, "downMs", json_rounded((double) restart->down / USEC_PER_MSEC));
        }
        if (file)
                (void) json_add(json, "file", json_object_new_string(file));
        return json;
}

static void add_restart(Manager *m, const Watched *w, const Restart *restart, const char *cause, const char *changed) {
        const char *file = changed && streq(cause, "reload") ? changed : NULL;
        bool bad = *restart->result && !streq(restart->result, "success");
        _cleanup_(freep) char *text = NULL;
        char down[TIMESPAN_MAX] = "";
        json_object *detail;

        if (restart->down > 0)
                (void) format_timespan(down, restart->down);
        text = str_printf("restarted %s%s%s%s%s%s%s%s", restart_cause_words(cause), file ? ", " : "", file ? file : "",
                          bad ? " (" : "", bad ? restart->result : "", bad ? ")" : "", *down ? "; it was away for " : "", down);
        detail = restart_detail(restart, file);
        timeline_add(m, w, &(TimelineEvent) {
                .at = restart->at, .kind = EVENT_RESTART, .cause = cause, .text = text,
                .detail = detail ? json_object_to_json_string_ext(detail, JSON_C_TO_STRING_PLAIN) : NULL });
        json_object_put(detail);
}

static void forget_change(Past *past) {
        past->change_at = 0;
        free(TAKE_PTR(past->change_file));
}

static bool expects_restart(const Past *past) {
        return past->change_at > 0 && now_usec() - past->change_at <= RESTART_USEC;
}

/* Writes down the restart that was held back. */
static void end_hold(Watched *w, Past *past) {
        if (!past->hold)
                return;
        past->hold = sd_event_source_disable_unref(past->hold);
        add_restart(past->manager, w, &past->held, expects_restart(past) ? "reload" : "person", past->change_file);
        forget_change(past);
}

static int on_hold_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Watched *w = userdata;

        end_hold(w, w->past);
        return 0;
}

/* A follower of the journal learns up to 250 ms late what stands in it (journald tells in batches), and so of the file for which
 * watchd has had a service restarted later than of the restart. */
static bool hold_back(Manager *m, Watched *w, Past *past, const Restart *restart) {
        char **watch = w->unit->service->settings.watch;

        if (!watch || **watch != '/' || past->hold)
                return false;
        past->held = *restart;
        past->manager = m;
        return sd_event_add_time_relative(m->event, &past->hold, CLOCK_MONOTONIC, HOLD_USEC, 0, on_hold_over, w) >= 0;
}

static void note_restart(Manager *m, Watched *w, Past *past) {
        const char *acted_on = alerts_acting_on(m->alerts), *cause;
        Restart restart = {
                .at = now_realtime_usec(),
                .down = past->ended_at > 0 ? now_usec() - past->ended_at : 0,
                .automatic = w->unit->restarts > past->restarts,
        };

        (void) memcpy(restart.result, past->result, sizeof(restart.result));
        cause = restart_cause(&(RunEnd) {
                .result = past->result, .automatic = restart.automatic, .for_change = expects_restart(past),
                .by_metricsd = acted_on && streq(acted_on, w->unit->service->id) });
        if (!streq(cause, "person") || !hold_back(m, w, past, &restart))
                add_restart(m, w, &restart, cause, past->change_file);
}

static void begin_run(Manager *m, Watched *w, Past *past) {
        if (*past->run && !past->rested)
                note_restart(m, w, past);
        (void) memcpy(past->run, w->run, sizeof(past->run));
        past->restarts = w->unit->restarts;
        past->ended_at = 0;
        past->rested = false;
        if (!past->hold)
                forget_change(past);
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

void timeline_expect_restart(Watched *w, const char *file) {
        Past *past = past_of(w);

        if (!past)
                return;
        forget_change(past);
        past->change_at = now_usec();
        past->change_file = file ? strdup(file) : NULL; /* without memory it is not named */
        end_hold(w, past);
}

void timeline_expect_no_restart(Watched *w) {
        Past *past = past_of(w);

        if (past)
                forget_change(past);
}

/* --- Conditions --- */

static void add_condition(Manager *m, const Watched *w, Condition was) {
        const char *from = condition_to_string(was), *to = condition_to_string(w->condition);
        _cleanup_(freep) char *text = NULL, *detail = NULL;

        text = str_printf("%s, was %s%s%s", to, from, w->explanation ? ": " : "", w->explanation ? w->explanation : "");
        detail = str_printf("{\"from\":\"%s\",\"to\":\"%s\"}", from, to);
        timeline_add(m, w, &(TimelineEvent) { .kind = EVENT_STATE, .cause = to, .text = text, .detail = detail });
}

/* What ran anew while metricsd did not run is known by the run that it has noted last. One that is just starting will have run
 * anew; it counts when the fleet starts as a whole, and has its own event when it runs. */
static void begin(Manager *m, Watched *w, Past *past) {
        const char *noted = manager_noted_run(m, w->unit->service->id);

        past->begun = true;
        past->condition = w->condition;
        past->restarts = w->unit->restarts;
        if (w->running)
                (void) memcpy(past->run, w->run, sizeof(past->run));
        past->anew = noted && (w->running ? !streq(noted, w->run) : w->unit->condition == FLEET_CHANGING);
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

                if (w && w->past && w->past->anew && w->running)
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
