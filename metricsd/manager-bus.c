/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "manager.h"
#include "shared/log.h"
#include "shared/metrics-bus.h"

static const char *problem_of(const Watched *w) {
        return w->problem ? w->problem : "";
}

static int append_health(sd_bus_message *reply, const Watched *w) {
        return sd_bus_message_append(reply, "(ssds)", w->unit->service->id, health_to_string(w->health),
                                     w->response_ms, problem_of(w));
}

static int method_get_health(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Manager *m = userdata;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssds)");
        for (size_t i = 0; r >= 0 && i < fleet_count(m->fleet); i++) {
                const Watched *w = fleet_at(m->fleet, i)->userdata;

                r = w ? append_health(reply, w) : 0;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetHealth", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssds)", services), method_get_health,
                                SD_BUS_VTABLE_UNPRIVILEGED),
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
