/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "alert-manager.h"
#include "basic/string-util.h"
#include "collector.h"
#include "manager.h"
#include "shared/log.h"
#include "timeline.h"

static const Collector *const collectors[COLLECTORS] = { &probe_collector, &usage_collector, &reload_collector,
                                                          &journal_collector, &providers_collector };

int manager_start_collectors(Manager *m) {
        m->units.name = "units";
        for (unsigned i = 0; i < COLLECTORS; i++) {
                Account *account = &m->collectors[i].account;
                int r;

                account->name = collectors[i]->name;
                r = collectors[i]->init ? collectors[i]->init(m, account, &m->collectors[i].state) : 0;
                if (r < 0)
                        return log_errno(r, "Cannot start the collector '%s'", collectors[i]->name);
        }
        return 0;
}

static void forget(Manager *m, FleetUnit *unit) {
        Watched *w = TAKE_PTR(unit->userdata);

        if (!w)
                return;
        alerts_forget(m->alerts, w);
        for (unsigned i = 0; i < COLLECTORS; i++)
                if (collectors[i]->removed)
                        collectors[i]->removed(m->collectors[i].state, w);
        timeline_forget(w);
        watched_free(w);
}

void manager_stop_collectors(Manager *m) {
        for (size_t i = 0; m->fleet && i < fleet_count(m->fleet); i++)
                forget(m, fleet_at(m->fleet, i));
        for (unsigned i = 0; i < COLLECTORS; i++)
                if (collectors[i]->fini && m->collectors[i].state)
                        collectors[i]->fini(TAKE_PTR(m->collectors[i].state));
}

void manager_sample(Manager *m) {
        for (unsigned k = 0; k < COLLECTORS; k++) {
                ACCOUNT_CHARGE(&m->collectors[k].account);

                for (size_t i = 0; collectors[k]->tick && i < fleet_count(m->fleet); i++) {
                        Watched *w = fleet_at(m->fleet, i)->userdata;

                        if (w)
                                collectors[k]->tick(m->collectors[k].state, w);
                }
        }
}

const Account *manager_account(const Manager *m, size_t i) {
        if (i == 0)
                return &m->units;
        if (i == COLLECTORS + 1)
                return &m->keeping;
        return i <= COLLECTORS ? &m->collectors[i - 1].account : NULL;
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        (void) account_charge(&m->units); /* to the end of this turn of the loop */
        return 0;
}

int manager_charge_bus(Manager *m) {
        return sd_bus_add_filter(m->bus, NULL, on_message, m);
}

bool manager_knows_all(const Manager *m) {
        for (size_t i = 0; i < fleet_count(m->fleet); i++) {
                const Watched *w = fleet_at(m->fleet, i)->userdata;

                if (!w || (w->health == HEALTH_UNKNOWN && w->failures == 0))
                        return false;
        }
        return true;
}

static void follow(Manager *m, Watched *w, unsigned changes) {
        for (unsigned i = 0; i < COLLECTORS; i++) {
                ACCOUNT_CHARGE(&m->collectors[i].account);

                if (collectors[i]->follow)
                        collectors[i]->follow(m->collectors[i].state, w, changes);
        }
        manager_watched_changed(m, w, changes);
}

/* What the unit files say of a service may be another thing now. */
static void on_loaded(Fleet *fleet, void *userdata) {
        Manager *m = userdata;
        ACCOUNT_CHARGE(&m->units);

        account_ok(&m->units);
        for (size_t i = 0; i < fleet_count(fleet); i++) {
                Watched *w = fleet_at(fleet, i)->userdata;

                if (w)
                        follow(m, w, WATCHED_SETTINGS);
        }
        manager_set_access(m);
}

static void on_removed(Fleet *fleet, FleetUnit *unit, void *userdata) {
        forget(userdata, unit);
}

static void on_failed(Fleet *fleet, int error, void *userdata) {
        Manager *m = userdata;

        account_failed(&m->units, "the list of services cannot be read: %s", strerror(-error));
}

static void on_changed(Fleet *fleet, FleetUnit *unit, FleetCondition was, void *userdata) {
        Manager *m = userdata;
        ACCOUNT_CHARGE(&m->units);
        int r;

        account_ok(&m->units);
        if (!unit->userdata) {
                Watched *w;

                r = watched_new(unit, streq(unit->service->id, METRICSD_ID), &w);
                if (r < 0) {
                        log_errno(r, "Cannot watch %s", unit->service->id);
                        return;
                }
                unit->userdata = w;
        }
        follow(m, unit->userdata, watched_follow_unit(unit->userdata));
}

/* systemd starts it again, with a bus if there is one. */
static void on_lost(Fleet *fleet, void *userdata) {
        Manager *m = userdata;
        int r;

        if (m->stopping)
                return;
        log_error("The user bus is gone: nothing of the services can be followed any more");
        r = sd_event_exit(m->event, -ECONNRESET);
        if (r < 0)
                log_errno(r, "Cannot leave the event loop");
}

const FleetEvents manager_fleet_events = {
        .loaded = on_loaded,
        .removed = on_removed,
        .changed = on_changed,
        .failed = on_failed,
        .lost = on_lost,
};
