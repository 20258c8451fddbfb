/* SPDX-License-Identifier: MIT */
#include "alert-manager.h"

#include <math.h>

#include "alert-internal.h"
#include "basic/string-util.h"
#include "collector.h"
#include "journal-collector.h"
#include "shared/log.h"
#include "shared/upgrade-hold.h"

#define ACTIVE_SHOWN 100

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

/* What systemd has restarted by itself just now it may be about to restart again. */
static void note_restarts(Watched *w, AlertTime now) {
        if (w->unit->restarts > w->judged_restarts)
                w->restarted_at = now.monotonic;
        w->judged_restarts = w->unit->restarts;
}

void alerts_follow(Alerts *alerts, Watched *w) {
        AlertTime now = alert_time_now();

        note_restarts(w, now);
        if (alerts)
                tell_probe(alerts, w, now);
}

/* The service does not run what lies on disk. */
static double reload_value(const Watched *w, const UpgradeHold *hold) {
        const FleetUnit *unit = w->unit;

        if (hold->service && streq(hold->service, unit->service->id) &&
            upgrade_hold_stands(hold, unit->invocation_id, w->health == HEALTH_HEALTHY))
                return 1;
        return known(w->reload_failed);
}

static void tell_all(Alerts *alerts, Watched *w, const UpgradeHold *hold, AlertTime now) {
        AlertEngine *engine = alerts->engine;
        const char *id = w->unit->service->id;

        tell_probe(alerts, w, now);
        alert_engine_observe(engine, METRIC_RESTARTS, id, (double) w->unit->restarts, now);
        alert_engine_observe(engine, METRIC_MEMORY, id, w->memory == MEMORY_UNKNOWN ? NAN : (double) w->memory, now);
        alert_engine_observe(engine, METRIC_RELOAD_FAILED, id, reload_value(w, hold), now);
        alert_engine_observe(engine, METRIC_CPU, id, known(w->cpu), now);
        alert_engine_observe(engine, METRIC_ERROR_RATE, id, known(w->error_rate), now);
        alert_engine_observe(engine, METRIC_JOURNAL_ERRORS, id,
                             journal_recent_errors(alerts->manager->journal, w, now.realtime), now);
}

/* They are about those who call providers and who hold them to their budgets. */
static void tell_providers(Alerts *alerts, AlertTime now) {
        const Providers *p = &alerts->manager->providers;
        AlertEngine *engine = alerts->engine;

        if (fleet_find(alerts->manager->fleet, "provider")) {
                alert_engine_observe(engine, METRIC_PROVIDER_SUCCESS_RATE, "provider", p->success_rate, now);
                alert_engine_observe(engine, METRIC_PROVIDER_LATENCY, "provider", p->latency, now);
        }
        if (fleet_find(alerts->manager->fleet, "budget"))
                alert_engine_observe(engine, METRIC_BUDGET_PERCENT, "budget", p->budget_percent, now);
}

void alerts_tick(Alerts *alerts) {
        _cleanup_(upgrade_hold_done) UpgradeHold hold = {};
        AlertTime now = alert_time_now();
        int r;

        if (!alerts || !fleet_is_loaded(alerts->manager->fleet))
                return;
        alert_engine_tick(alerts->engine, now);
        r = upgrade_hold_read(&hold);
        if (r < 0) {
                upgrade_hold_done(&hold);
                if (r != -ENOENT)
                        log_debug("Cannot see whether an upgrade is held: %s", strerror(-r));
        }
        for (size_t i = 0; i < fleet_count(alerts->manager->fleet); i++) {
                const FleetUnit *unit = fleet_at(alerts->manager->fleet, i);

                if (unit->userdata)
                        tell_all(alerts, unit->userdata, &hold, now);
        }
        tell_providers(alerts, now);
}

void alerts_forget(Alerts *alerts, const Watched *w) {
        if (alerts)
                alert_engine_forget(alerts->engine, w->unit->service->id, alert_time_now());
}

/* --- Begin and end --- */

static int open_engine(Alerts *alerts) {
        AlertTime now = alert_time_now();
        AlertBook *book;
        int r;

        r = alert_book_open(alerts->manager->history, now, &book);
        if (r >= 0)
                r = alert_engine_new(book, &alert_hooks, alerts, now, &alerts->engine);
        if (r < 0)
                return r;
        alert_engine_set_action_limit(alerts->engine, alerts->manager->options->action);
        return 0;
}

int alerts_new(Manager *manager, Alerts **ret) {
        _cleanup_(alerts_freep) Alerts *alerts = calloc(1, sizeof(Alerts));
        int r;

        if (!alerts)
                return -ENOMEM;
        alerts->manager = manager;
        r = alert_action_shared_init(&alerts->shared, manager->bus, manager->fleet, manager->options->webhook_retry);
        if (r >= 0)
                r = open_engine(alerts);
        if (r >= 0)
                r = alerts_start_repeating(alerts, manager->options->webhook_repeat);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(alerts);
        return 0;
}

Alerts *alerts_free(Alerts *alerts) {
        if (!alerts)
                return NULL;
        alerts_stop_actions(alerts);
        alert_action_shared_done(&alerts->shared);
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
