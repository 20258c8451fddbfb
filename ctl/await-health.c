/* SPDX-License-Identifier: MIT */
#include "await-health.h"

#include <stdio.h>

#include "live.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "wait-goal.h"

#define METRICSD_ID "metricsd"

typedef struct Patient {
        sd_bus *bus;   /* its own, for the end of an event loop closes the connection */
        Live *live;
        sd_event_source *timer;
        const char *id;
        char run[33];  /* the invocation that health is of */
        char *health;  /* metricsd's word; NULL while it is not known */
        char *problem;
        HealthEnd end;
        char *how;
} Patient;

static void patient_done(Patient *p) {
        (void) sd_event_source_disable_unref(p->timer);
        live_free(p->live);
        (void) sd_bus_flush_close_unref(p->bus);
        free(p->health);
        free(p->problem);
        free(p->how);
}

static void forget_health(Patient *p) {
        free(TAKE_PTR(p->health));
        free(TAKE_PTR(p->problem));
}

static void end(Patient *p, HealthEnd how) {
        p->end = how;
        live_end(p->live, CTL_OK);
}

static void end_ill(Patient *p, const FleetUnit *unit) {
        p->how = wait_describe(unit, p->health, p->problem);
        end(p, HEALTH_END_ILL);
}

/* A metricsd that is about to come up will have its say. */
static WaitGoal goal(const Patient *p) {
        const FleetUnit *unit = fleet_find(p->live->fleet, METRICSD_ID);

        if (p->live->metrics == LIVE_METRICS_ASKED || p->live->metrics == LIVE_METRICS_THERE)
                return WAIT_HEALTHY;
        return p->live->metrics == LIVE_METRICS_ABSENT && unit &&
                               (unit->condition == FLEET_CHANGING || unit->condition == FLEET_RUNNING)
                       ? WAIT_HEALTHY
                       : WAIT_RUNNING;
}

static void look(Patient *p) {
        const FleetUnit *unit;

        if (p->live->ended || !fleet_is_loaded(p->live->fleet))
                return;
        unit = fleet_find(p->live->fleet, p->id);
        if (!unit || unit->condition == FLEET_STOPPED || unit->condition == FLEET_ASLEEP) {
                end(p, HEALTH_END_STOPPED);
                return;
        }
        switch (wait_judge(goal(p), unit, p->health)) {
        case WAIT_REACHED:
                end(p, HEALTH_END_WELL);
                break;
        case WAIT_NEVER:
                end_ill(p, unit);
                break;
        case WAIT_NOT_YET:
        default:
                break;
        }
}

static void on_loaded(Live *live, void *userdata) {
        look(userdata);
}

/* What metricsd has said of another run does not hold for this one. */
static void on_changed(Live *live, FleetUnit *unit, FleetCondition was, void *userdata) {
        Patient *p = userdata;

        if (streq(unit->service->id, p->id) && !streq(p->run, unit->invocation_id)) {
                (void) snprintf(p->run, sizeof(p->run), "%s", unit->invocation_id);
                forget_health(p);
                if (live_ask_health(live) < 0)
                        live_end(live, CTL_FAILED);
        }
        look(p);
}

static void on_health(Live *live, const char *id, const char *health, const char *problem, void *userdata) {
        Patient *p = userdata;

        if (!streq(id, p->id))
                return;
        if (str_replace(&p->health, health) < 0 || str_replace(&p->problem, problem) < 0)
                forget_health(p);
        if (live->metrics == LIVE_METRICS_THERE)
                look(p);
}

static void on_metrics(Live *live, void *userdata) {
        Patient *p = userdata;

        if (live->metrics == LIVE_METRICS_ABSENT)
                forget_health(p);
        look(p);
}

static const LiveEvents events = {
        .loaded = on_loaded, .changed = on_changed, .health = on_health, .metrics = on_metrics,
};

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Patient *p = userdata;
        const FleetUnit *unit = fleet_find(p->live->fleet, p->id);

        if (p->live->ended)
                return 0;
        if (unit)
                end_ill(p, unit);
        else
                end(p, fleet_is_loaded(p->live->fleet) ? HEALTH_END_STOPPED : HEALTH_END_LOST);
        return 0;
}

HealthEnd await_health(const char *id, uint64_t timeout, char **ret_how) {
        _cleanup_(patient_done) Patient p = { .id = id, .end = HEALTH_END_LOST };
        int r;

        if (bus_open_user(&p.bus) < 0)
                return HEALTH_END_LOST;
        r = live_new(p.bus, &events, &p, &p.live);
        if (r >= 0)
                r = sd_event_add_time_relative(p.live->event, &p.timer, CLOCK_MONOTONIC, timeout, 0, on_late, &p);
        if (r < 0) {
                (void) log_errno(r, "cannot wait for %s", id);
                return HEALTH_END_LOST;
        }
        if (live_run(p.live) != CTL_OK)
                return HEALTH_END_LOST;
        *ret_how = TAKE_PTR(p.how);
        return p.end;
}
