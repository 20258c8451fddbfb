/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "manager.h"
#include "shared/log.h"
#include "shared/metrics-bus.h"
#include "timeline.h"

static const char *problem_of(const Watched *w) {
        return w->problem ? w->problem : "";
}

static int append_health(sd_bus_message *reply, const FleetUnit *unit) {
        const Watched *w = unit->userdata;

        return !w ? 0 : sd_bus_message_append(reply, "(ssds)", unit->service->id, health_to_string(w->health),
                                              w->response_ms, problem_of(w));
}

static int append_run(sd_bus_message *reply, const FleetUnit *unit) {
        return unit->condition != FLEET_RUNNING ? 0 :
                sd_bus_message_append(reply, "(ssuut)", unit->service->id, unit->invocation_id, unit->pid,
                                      unit->n_restarts, unit->active_since);
}

static int reply_list(Manager *m, sd_bus_message *call, const char *row,
                      int append(sd_bus_message *reply, const FleetUnit *unit)) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', row);
        for (size_t i = 0; r >= 0 && i < fleet_count(m->fleet); i++)
                r = append(reply, fleet_at(m->fleet, i));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_get_health(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return reply_list(userdata, call, "(ssds)", append_health);
}

static int method_get_runs(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return reply_list(userdata, call, "(ssuut)", append_run);
}

/* A copy, for a newer one may follow. */
typedef struct Change {
        uint64_t at;
        const char *kind;
        char *service, *cause, *text;
} Change;

static void change_done(Change *c) {
        free(c->service);
        free(c->cause);
        free(c->text);
}

static void take_change(const TimelineEvent *e, void *userdata) {
        Change *c = userdata;

        if (str_replace(&c->service, strempty(e->service)) < 0 || str_replace(&c->cause, strempty(e->cause)) < 0 ||
            str_replace(&c->text, strempty(e->text)) < 0)
                return; /* without memory it is an older one, or none */
        c->at = e->at;
        c->kind = event_kind_to_string(e->kind);
}

static int method_explain(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_(change_done) Change change = {};
        Manager *m = userdata;
        const FleetUnit *unit;
        const Watched *w;
        const char *id;
        uint64_t before;
        int r;

        r = sd_bus_message_read(call, "st", &id, &before);
        if (r < 0)
                return r;
        unit = service_id_valid(id) ? fleet_find(m->fleet, id) : NULL;
        w = unit ? unit->userdata : NULL;
        if (!w)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "metricsd watches no such service");
        r = timeline_last_change(m, unit->service, before, take_change, &change);
        if (r < 0)
                log_debug("Cannot read what changed %s: %s", id, strerror(-r));
        return sd_bus_reply_method_return(call, "sstssss", condition_to_string(w->condition), strempty(w->explanation),
                                          change.at, strempty(change.kind), strempty(change.service), strempty(change.cause),
                                          strempty(change.text));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetHealth", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssds)", services), method_get_health,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetRuns", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssuut)", runs), method_get_runs,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("s", id, "t", before),
                                SD_BUS_RESULT("s", condition, "s", explanation, "t", at, "s", kind, "s", service, "s", cause,
                                              "s", text), method_explain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("HealthChanged", SD_BUS_ARGS("s", id, "s", status, "d", response_ms, "s", problem), 0),
        SD_BUS_VTABLE_END,
};

int manager_bus_offer(Manager *m) {
        int r;

        r = sd_bus_add_object_vtable(m->bus, &m->bus_slot, METRICS_BUS_PATH, METRICS_BUS_INTERFACE, vtable, m);
        return r < 0 ? r : sd_bus_request_name(m->bus, METRICS_BUS_NAME, 0);
}

void manager_bus_announce(Manager *m, const Watched *w) {
        int r = sd_bus_emit_signal(m->bus, METRICS_BUS_PATH, METRICS_BUS_INTERFACE, "HealthChanged", "ssds",
                                   w->unit->service->id, health_to_string(w->health), w->response_ms, problem_of(w));

        if (r < 0)
                log_debug("Cannot announce the health of %s: %s", w->unit->service->id, strerror(-r));
}
