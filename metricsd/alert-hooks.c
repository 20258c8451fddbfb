/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "alert-internal.h"
#include "alert/field.h"
#include "alert/journal.h"
#include "basic/string-util.h"
#include "collector.h"
#include "foundation/json-util.h"
#include "needs.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "timeline.h"

static const FleetUnit *find(const Alerts *alerts, const char *service) {
        return fleet_find(alerts->manager->fleet, service);
}

static bool facts(const char *service, AlertFacts *ret, void *userdata) {
        const FleetUnit *unit = find(userdata, service);
        const Watched *w = unit ? unit->userdata : NULL;

        if (!unit)
                return false;
        *ret = (AlertFacts) {
                .condition = unit->condition,
                .failure = unit->failure,
                .invocation_id = unit->invocation_id,
                .restarted_at = w ? w->restarted_at : 0,
                .is_self = w && w->self,
        };
        return true;
}

/* --- The fleet --- */

/* What nobody wants to run, and what has just begun to, says nothing against the others. */
static bool is_unhealthy(const FleetUnit *unit) {
        const Watched *w = unit->userdata;

        return unit->condition != FLEET_STOPPED && unit->condition != FLEET_ASLEEP && w->health != HEALTH_HEALTHY &&
               w->health != HEALTH_UNKNOWN;
}

static bool counts(const FleetUnit *unit) {
        return unit->userdata && fleet_unit_counts(unit);
}

static bool fleet(unsigned *ret_unhealthy, unsigned *ret_total, void *userdata) {
        const Alerts *alerts = userdata;
        const Fleet *all = alerts->manager->fleet;
        unsigned unhealthy = 0, total = 0;
        bool known = fleet_is_loaded(all);

        for (size_t i = 0; i < fleet_count(all); i++) {
                const FleetUnit *unit = fleet_at(all, i);
                const Watched *w = unit->userdata;

                if (!counts(unit))
                        continue;
                total++;
                unhealthy += is_unhealthy(unit);
                known = known && w->health != HEALTH_UNKNOWN;
        }
        *ret_unhealthy = unhealthy;
        *ret_total = total;
        return known;
}

static int unhealthy(char ***ret_ids, void *userdata) {
        _cleanup_(strv_freep) char **ids = NULL;
        const Alerts *alerts = userdata;
        const Fleet *all = alerts->manager->fleet;

        for (size_t i = 0; i < fleet_count(all); i++) {
                const FleetUnit *unit = fleet_at(all, i);

                if (counts(unit) && is_unhealthy(unit) && strv_extend(&ids, unit->service->id) < 0)
                        return -ENOMEM;
        }
        *ret_ids = TAKE_PTR(ids);
        return 0;
}

/* --- What a service needs --- */

static bool is_down(const FleetUnit *unit) {
        const Watched *w = unit->userdata;

        switch (unit->condition) {
        case FLEET_STOPPED:
        case FLEET_FAILED:
        case FLEET_CHANGING:
                return true;
        case FLEET_RUNNING:
                return w && w->health == HEALTH_DEGRADED;
        case FLEET_ASLEEP: /* the first connection wakes it */
        default:
                return false;
        }
}

/* Of two that need each other neither waits for the other. */
static bool dependency(const char *service, const char **ret_id, void *userdata) {
        const Alerts *alerts = userdata;
        const FleetUnit *unit = find(alerts, service);

        if (!unit)
                return false;
        STRV_FOREACH(need, unit->service->needs) {
                const FleetUnit *needed = find(alerts, *need);

                if (!needed || !is_down(needed) ||
                    needs_reach(fleet_registry(alerts->manager->fleet), needed->service->id, service))
                        continue;
                *ret_id = needed->service->id;
                return true;
        }
        return false;
}

/* --- What is done --- */

static int act(unsigned ticket, AlertActionRequest *request, void *userdata) {
        return alerts_act(userdata, ticket, request);
}

static void give_up(unsigned ticket, void *userdata) {
        alerts_give_up(userdata, ticket);
}

static void check(const char *service, void *userdata) {
        const FleetUnit *unit = find(userdata, service);

        if (unit && unit->userdata)
                probe_now(unit->userdata);
}

/* --- What is kept --- */

static void evidence(const char *service, AlertEvidence *e, void *userdata) {
        const FleetUnit *unit = find(userdata, service);
        int r;

        if (!unit)
                return;
        r = alert_journal_read(unit->service->unit, &e->journal, &e->first_cursor, &e->last_cursor);
        if (r < 0)
                log_debug("Cannot read the journal of %s: %s", service, strerror(-r));
}

static json_object *preceded(const char *service, uint64_t at, void *userdata) {
        const Alerts *alerts = userdata;
        const FleetUnit *unit = service ? find(alerts, service) : NULL;

        if (service && !unit)
                return NULL;
        return timeline_preceding(alerts->manager, unit ? unit->service : NULL, at);
}

static bool add_text(json_object *json, const char *name, const char *text) {
        return !text || json_add(json, name, json_object_new_string(text));
}

/* NULL without memory: the event is kept all the same. */
static json_object *note_detail(const AlertNote *note) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        const Alert *alert = note->alert;
        const AlertDeed *deed = note->deed;

        if (!json || !add_text(json, "alert", alert->id) || !add_text(json, "rule", deed ? deed->rule : alert->rule) ||
            !add_text(json, "metric", alert_metric_to_string(alert->metric)) ||
            !json_add(json, "value", field_number_to_json(alert->value)) ||
            !add_text(json, "severity", alert_severity_to_string(alert->severity)) ||
            !add_text(json, "action", deed ? alert_action_to_string(deed->action) : NULL) ||
            !add_text(json, "reason", note->reason) ||
            (deed && deed->refused && !add_text(json, "code", safety_verdict_to_string(deed->verdict))) ||
            (note->kind == EVENT_ALERT && *alert->evidence.invocation_id &&
             !add_text(json, "invocationId", alert->evidence.invocation_id)) ||
            (note->kind == EVENT_ALERT && !add_text(json, "cursor", alert->evidence.last_cursor)))
                return NULL;
        return TAKE_PTR(json);
}

static void noted(const AlertNote *note, void *userdata) {
        const Alerts *alerts = userdata;
        const FleetUnit *unit = note->alert->service ? find(alerts, note->alert->service) : NULL;
        _cleanup_(json_object_putp) json_object *detail = note_detail(note);

        timeline_add(alerts->manager, unit ? unit->userdata : NULL, &(TimelineEvent) {
                .kind = note->kind, .cause = note->cause, .service = note->alert->service, .text = note->text,
                .detail = detail ? json_object_to_json_string_ext(detail, JSON_C_TO_STRING_PLAIN |
                                                                                  JSON_C_TO_STRING_NOSLASHESCAPE)
                                 : NULL });
}

static void changed(void *userdata) {
        const Alerts *alerts = userdata;

        manager_have_news(alerts->manager);
}

const AlertHooks alert_hooks = {
        .facts = facts,
        .fleet = fleet,
        .unhealthy = unhealthy,
        .dependency = dependency,
        .act = act,
        .give_up = give_up,
        .check = check,
        .evidence = evidence,
        .preceded = preceded,
        .noted = noted,
        .changed = changed,
};
