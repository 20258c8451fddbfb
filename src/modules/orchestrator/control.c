/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "control-internal.h"
#include "foundation/json-util.h"
#include "shared/log.h"

#define RECONNECT_FIRST_USEC (250 * USEC_PER_MSEC)
#define RECONNECT_MOST_USEC (30 * USEC_PER_SEC)

/* --- The bus --- */

static void on_loaded(Fleet *fleet, void *userdata) {
        control_run_early(userdata);
}

/* Another that comes under its id begins anew. */
static void on_removed(Fleet *fleet, FleetUnit *unit, void *userdata) {
        Control *control = userdata;

        if (control->restarts)
                json_object_object_del(control->restarts, unit->service->id);
}

static void lost(Control *control);

static void on_lost(Fleet *fleet, void *userdata) {
        lost(userdata);
}

static const FleetEvents fleet_events = {
        .loaded = on_loaded, .removed = on_removed, .lost = on_lost,
};

static void disconnect(Control *control) {
        control->fleet = fleet_free(control->fleet);
        /* Not flushed: what could be waited for is gone, and to wait is what this must not do. */
        control->bus = sd_bus_close_unref(control->bus);
}

static int connect_bus(Control *control) {
        int r;

        r = sd_bus_open_user(&control->bus);
        if (r >= 0)
                r = sd_bus_attach_event(control->bus, control->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = fleet_new(control->bus, &fleet_events, control, &control->fleet);
        if (r < 0)
                disconnect(control);
        return r;
}

static int plan_reconnect(Control *control) {
        int r;

        r = sd_event_source_set_time_relative(control->reconnect, control->reconnect_after);
        if (r >= 0)
                r = sd_event_source_set_enabled(control->reconnect, SD_EVENT_ONESHOT);
        control->reconnect_after = MIN(control->reconnect_after * 2, RECONNECT_MOST_USEC);
        return r;
}

int control_connect(Control *control) {
        int r = connect_bus(control);

        if (r >= 0)
                return 0;
        log_warning("No user bus (%s): services cannot be controlled until there is one; it is tried again",
                    strerror(-r));
        return plan_reconnect(control);
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata) {
        return control_connect(userdata);
}

/* The tasks go first: what they hold hangs on the bus. */
static int on_drop(sd_event_source *source, void *userdata) {
        Control *control = userdata;
        Task *task, *next;

        for (task = LIST_FIRST(&control->tasks); task; task = next) {
                next = LIST_NEXT(task, entries);
                if (task->on_bus)
                        task_fail(task, -ECONNRESET);
        }
        disconnect(control);
        return plan_reconnect(control);
}

/* Called from within the bus and the fleet, so both stay until the next turn of the loop. */
static void lost(Control *control) {
        int r;

        log_warning("The user bus is gone: services cannot be controlled until it is back");
        control->reconnect_after = RECONNECT_FIRST_USEC;
        r = sd_event_source_set_enabled(control->drop, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(r, "Cannot plan a new connection");
}

/* --- The life of it --- */

static int add_sources(Control *control) {
        int r;

        r = sd_event_add_time_relative(control->event, &control->early_timer, CLOCK_MONOTONIC, 0, 0,
                                       control_on_early_timeout, control);
        if (r >= 0)
                r = sd_event_source_set_enabled(control->early_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(control->event, &control->reconnect, CLOCK_MONOTONIC, 0, 0,
                                               on_reconnect, control);
        if (r >= 0)
                r = sd_event_source_set_enabled(control->reconnect, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(control->event, &control->drop, on_drop, control);
        return r < 0 ? r : sd_event_source_set_enabled(control->drop, SD_EVENT_OFF);
}

int control_new(sd_event *event, const char *own_id, Control **ret) {
        _cleanup_(control_freep) Control *control = calloc(1, sizeof(Control));
        int r;

        if (!control)
                return -ENOMEM;
        STAILQ_INIT(&control->early);
        control->reconnect_after = RECONNECT_FIRST_USEC;
        control->event = sd_event_ref(event);
        control->id = strdup(own_id);
        if (!control->id)
                return -ENOMEM;
        r = add_sources(control);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(control);
        return 0;
}

Control *control_free(Control *control) {
        Task *task;

        if (!control)
                return NULL;
        /* Their requests are gone already: a generation that still had one would not end. */
        while ((task = LIST_FIRST(&control->tasks)))
                task_end(task);
        disconnect(control);
        sd_event_source_disable_unref(control->early_timer);
        sd_event_source_disable_unref(control->reconnect);
        sd_event_source_disable_unref(control->drop);
        sd_event_unref(control->event);
        json_object_put(control->restarts);
        free(control->id);
        free(control);
        return NULL;
}

/* --- From generation to generation --- */

uint64_t control_restarts(const Control *control, const FleetUnit *unit) {
        json_object *before;
        int64_t n = 0;

        if (control->restarts && json_object_object_get_ex(control->restarts, unit->service->id, &before))
                n = json_object_get_int64(before);
        return unit->restarts + (n > 0 ? (uint64_t) n : 0);
}

static int count_restarts(const Control *control, json_object *restarts) {
        for (size_t i = 0; i < fleet_count(control->fleet); i++) {
                const FleetUnit *unit = fleet_at(control->fleet, i);

                if (!json_add(restarts, unit->service->id, json_object_new_uint64(control_restarts(control, unit))))
                        return -ENOMEM;
        }
        return 0;
}

int control_suspend(void *state, json_object **ret) {
        _cleanup_(json_object_putp) json_object *saved = json_object_new_object();
        const Control *control = state;
        json_object *restarts;

        /* One that has not seen the services yet hands on what it was given. */
        if (control_is_ready(control) || !control->restarts)
                restarts = json_object_new_object();
        else
                restarts = json_object_get(control->restarts);
        if (!saved || !restarts) {
                json_object_put(restarts);
                return -ENOMEM;
        }
        if (!json_add(saved, "restarts", restarts) ||
            (control_is_ready(control) && count_restarts(control, restarts) < 0))
                return -ENOMEM;
        *ret = TAKE_PTR(saved);
        return 0;
}

int control_resume(void *state, json_object *saved) {
        Control *control = state;
        json_object *restarts;

        if (json_object_object_get_ex(saved, "restarts", &restarts) &&
            json_object_is_type(restarts, json_type_object)) {
                json_object_put(control->restarts);
                control->restarts = json_object_get(restarts);
        }
        return 0;
}
