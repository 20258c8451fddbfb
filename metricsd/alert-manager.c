/* SPDX-License-Identifier: MIT */
#include "alert-manager.h"

#include <math.h>
#include <string.h>

#include "alert/action.h"
#include "alert/journal.h"
#include "collector.h"
#include "journal-collector.h"
#include "shared/log.h"

#define ACTIVE_SHOWN 100

struct Alerts {
        Manager *manager;
        AlertEngine *engine;
        AlertActionShared shared;
        AlertAction action;
        sd_event_source *deadline; /* of the action under way */
};

/* --- What the engine asks --- */

static bool facts(const char *service, AlertFacts *ret, void *userdata) {
        const Alerts *alerts = userdata;
        const FleetUnit *unit = fleet_find(alerts->manager->fleet, service);

        if (!unit)
                return false;
        *ret = (AlertFacts) {
                .condition = unit->condition,
                .failure = unit->failure,
                .invocation_id = unit->invocation_id,
                .is_self = unit->userdata && ((const Watched *) unit->userdata)->self,
        };
        return true;
}

static void fleet(unsigned *ret_unhealthy, unsigned *ret_total, void *userdata) {
        const Alerts *alerts = userdata;
        const Fleet *all = alerts->manager->fleet;
        unsigned unhealthy = 0, total = 0;

        for (size_t i = 0; i < fleet_count(all); i++) {
                const FleetUnit *unit = fleet_at(all, i);
                const Watched *w = unit->userdata;

                if (!w || !fleet_unit_counts(unit))
                        continue;
                total++;
                /* What nobody wants to run, and what has just begun to, says nothing against the others. */
                if (unit->condition != FLEET_STOPPED && unit->condition != FLEET_ASLEEP &&
                    w->health != HEALTH_HEALTHY && w->health != HEALTH_UNKNOWN)
                        unhealthy++;
        }
        *ret_unhealthy = unhealthy;
        *ret_total = total;
}

static void give_up(void *userdata) {
        Alerts *alerts = userdata;

        alert_action_give_up(&alerts->action);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Alerts *alerts = userdata;

        alert_engine_tick(alerts->engine, alert_time_now());
        return 0;
}

/* Now and no later, for somebody may wait for the answer; once is enough, for the engine knows which action it is. */
static int set_deadline(Alerts *alerts) {
        alerts->deadline = sd_event_source_disable_unref(alerts->deadline);
        return sd_event_add_time_relative(alerts->manager->event, &alerts->deadline, CLOCK_MONOTONIC,
                                          ALERT_ACTION_USEC + USEC_PER_MSEC, USEC_PER_MSEC, on_deadline, alerts);
}

static void on_action_over(const char *problem, void *userdata) {
        Alerts *alerts = userdata;

        alert_engine_job_over(alerts->engine, problem, alert_time_now());
}

static int act(AlertActionType action, const char *service, void *userdata) {
        Alerts *alerts = userdata;
        const FleetUnit *unit = fleet_find(alerts->manager->fleet, service);
        int r;

        if (!unit)
                return -ENOENT;
        r = set_deadline(alerts);
        return r < 0 ? r : alert_action_begin(&alerts->action, &(AlertActionRequest) {
                .type = action, .service = service, .unit = unit->service->unit, .timeout = 2 * ALERT_ACTION_USEC });
}

static void check(const char *service, void *userdata) {
        const Alerts *alerts = userdata;
        const FleetUnit *unit = fleet_find(alerts->manager->fleet, service);

        if (unit && unit->userdata)
                probe_now(unit->userdata);
}

static json_object *journal(const char *service, void *userdata) {
        const Alerts *alerts = userdata;
        const FleetUnit *unit = fleet_find(alerts->manager->fleet, service);
        json_object *lines;

        return unit && alert_journal_read(unit->service->unit, &lines, NULL, NULL) >= 0 ? lines : NULL;
}

static void changed(void *userdata) {
        const Alerts *alerts = userdata;

        manager_have_news(alerts->manager);
}

static const AlertHooks hooks = {
        .facts = facts,
        .fleet = fleet,
        .act = act,
        .give_up = give_up,
        .check = check,
        .journal = journal,
        .changed = changed,
};

/* --- What it is told --- */

static double health_value(const Watched *w) {
        switch (w->health) {
        case HEALTH_HEALTHY:
                return 1;
        case HEALTH_DEGRADED:
                return 0.5;
        case HEALTH_OFFLINE:
        default:
                return 0;
        }
}

static double known(double value) {
        return value < 0 ? NAN : value;
}

/* Good health is told once for each probe that has found it: it is the proof that an action ends with, and an old probe
 * proves nothing. */
static void tell_health(Alerts *alerts, Watched *w, AlertTime now) {
        bool fresh = w->checked_at != w->judged_at;

        w->judged_at = w->checked_at;
        /* It has just started, or has not answered once: nothing is better than before yet, nor worse. */
        if (w->health == HEALTH_UNKNOWN)
                return;
        if (w->health != HEALTH_HEALTHY || fresh)
                alert_engine_observe(alerts->engine, METRIC_HEALTH, w->unit->service->id, health_value(w), now);
}

static void tell_probe(Alerts *alerts, Watched *w, AlertTime now) {
        const char *id = w->unit->service->id;

        tell_health(alerts, w, now);
        alert_engine_observe(alerts->engine, METRIC_RESPONSE_TIME, id, known(w->response_ms), now);
}

void alerts_follow(Alerts *alerts, Watched *w) {
        if (alerts)
                tell_probe(alerts, w, alert_time_now());
}

static void tell_all(Alerts *alerts, Watched *w, AlertTime now) {
        AlertEngine *engine = alerts->engine;
        const char *id = w->unit->service->id;

        tell_probe(alerts, w, now);
        alert_engine_observe(engine, METRIC_RESTARTS, id, (double) w->unit->restarts, now);
        alert_engine_observe(engine, METRIC_MEMORY, id, w->memory == MEMORY_UNKNOWN ? NAN : (double) w->memory, now);
        alert_engine_observe(engine, METRIC_RELOAD_FAILED, id, known(w->reload_failed), now);
        alert_engine_observe(engine, METRIC_CPU, id, known(w->cpu), now);
        alert_engine_observe(engine, METRIC_ERROR_RATE, id, known(w->error_rate), now);
        alert_engine_observe(engine, METRIC_JOURNAL_ERRORS, id,
                             journal_recent_errors(alerts->manager->journal, w, now.realtime), now);
}

void alerts_tick(Alerts *alerts) {
        AlertTime now = alert_time_now();

        if (!alerts)
                return;
        alert_engine_tick(alerts->engine, now);
        for (size_t i = 0; i < fleet_count(alerts->manager->fleet); i++) {
                const FleetUnit *unit = fleet_at(alerts->manager->fleet, i);

                if (unit->userdata)
                        tell_all(alerts, unit->userdata, now);
        }
}

void alerts_forget(Alerts *alerts, const Watched *w) {
        if (alerts)
                alert_engine_forget(alerts->engine, w->unit->service->id, alert_time_now());
}

/* --- Begin and end --- */

static int open_engine(Alerts *alerts) {
        const char *directory = getenv("STATE_DIRECTORY");
        AlertStore *store;
        AlertBook *book;
        int r;

        if (!directory || !*directory)
                return -EUCLEAN;
        r = alert_store_new(directory, &store);
        if (r >= 0)
                r = alert_book_open(store, alert_time_now(), &book);
        if (r >= 0)
                r = alert_engine_new(book, &hooks, alerts, &alerts->engine);
        return r;
}

int alerts_new(Manager *manager, Alerts **ret) {
        _cleanup_(alerts_freep) Alerts *alerts = calloc(1, sizeof(Alerts));
        int r;

        if (!alerts)
                return -ENOMEM;
        alerts->manager = manager;
        alerts->shared = (AlertActionShared) { .bus = manager->bus, .fleet = manager->fleet };
        alerts->action = (AlertAction) { .shared = &alerts->shared, .over = on_action_over, .userdata = alerts };
        r = open_engine(alerts);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(alerts);
        return 0;
}

Alerts *alerts_free(Alerts *alerts) {
        if (!alerts)
                return NULL;
        alert_action_give_up(&alerts->action);
        sd_event_source_disable_unref(alerts->deadline);
        alert_engine_free(alerts->engine);
        free(alerts);
        return NULL;
}

AlertEngine *alerts_engine(Alerts *alerts) {
        return alerts->engine;
}

json_object *alerts_active(const Alerts *alerts) {
        return alerts ? alert_engine_active_to_json(alerts->engine, ACTIVE_SHOWN) : json_object_new_array();
}

const char *alerts_acting_on(const Alerts *alerts) {
        return alerts ? alert_engine_in_flight(alerts->engine) : NULL;
}
