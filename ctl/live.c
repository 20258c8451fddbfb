/* SPDX-License-Identifier: MIT */
#include "live.h"

#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/metrics-bus.h"

/* Nobody waits for it at a prompt. */
#define HEALTH_TIMEOUT_USEC (5 * USEC_PER_SEC)

/* --- Health ---------------------------------------------------------------------------------------------------- */

static void tell_metrics(Live *live, LiveMetrics metrics) {
        live->metrics = metrics;
        if (live->events->metrics)
                live->events->metrics(live, live->userdata);
}

static void tell_health(Live *live, const char *id, const char *health, const char *problem) {
        if (live->events->health)
                live->events->health(live, id, health, problem, live->userdata);
}

static int read_all(Live *live, sd_bus_message *m) {
        const char *id, *health, *problem;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssds)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssds)", &id, &health, NULL, &problem)) > 0)
                tell_health(live, id, health, problem);
        return r;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Live *live = userdata;
        int r;

        live->question = sd_bus_slot_unref(live->question);
        if (error && (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                      sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))) {
                tell_metrics(live, LIVE_METRICS_ABSENT);
                return 0;
        }
        r = error ? -EIO : read_all(live, m);
        if (r < 0)
                (void) str_replace_printf(&live->trouble, "metricsd does not say how healthy the services are (%s)",
                                          error ? bus_error_text(error, -EIO) : "its answer is not understood");
        tell_metrics(live, r < 0 ? LIVE_METRICS_MUTE : LIVE_METRICS_THERE);
        return 0;
}

int live_ask_health(Live *live) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        live->question = sd_bus_slot_unref(live->question);
        r = sd_bus_message_new_method_call(live->bus, &m, METRICS_BUS_NAME, METRICS_BUS_PATH, METRICS_BUS_INTERFACE,
                                           "GetHealth");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        return r < 0 ? r : sd_bus_call_async(live->bus, &live->question, m, on_answer, live, HEALTH_TIMEOUT_USEC);
}

static int on_health_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *id, *health, *problem;
        Live *live = userdata;
        int r;

        /* It may be of a run that is over; the answer, which comes after it, knows better. */
        if (live->question)
                return 0;
        r = sd_bus_message_read(m, "ssds", &id, &health, NULL, &problem);
        if (r < 0)
                return log_errno(r, "cannot read a signal of metricsd");
        tell_health(live, id, health, problem);
        return 0;
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *owner;
        Live *live = userdata;
        int r;

        r = sd_bus_message_read(m, "sss", NULL, NULL, &owner);
        if (r >= 0 && *owner)
                r = live_ask_health(live);
        else if (r >= 0) {
                live->question = sd_bus_slot_unref(live->question);
                tell_metrics(live, LIVE_METRICS_ABSENT);
        }
        return r < 0 ? log_errno(r, "cannot follow metricsd") : 0;
}

/* --- Services -------------------------------------------------------------------------------------------------- */

static void on_loaded(Fleet *fleet, void *userdata) {
        Live *live = userdata;

        if (live->events->loaded)
                live->events->loaded(live, live->userdata);
}

static void on_removed(Fleet *fleet, FleetUnit *unit, void *userdata) {
        Live *live = userdata;

        if (live->events->removed)
                live->events->removed(live, unit, live->userdata);
}

static void on_changed(Fleet *fleet, FleetUnit *unit, FleetCondition was, void *userdata) {
        Live *live = userdata;

        if (live->events->changed)
                live->events->changed(live, unit, was, live->userdata);
}

/* It has logged why. */
static void on_failed(Fleet *fleet, int error, void *userdata) {
        live_end(userdata, CTL_FAILED);
}

static void on_lost(Fleet *fleet, void *userdata) {
        log_error("lost the systemd user manager while following it");
        live_end(userdata, CTL_FAILED);
}

static const FleetEvents fleet_events = {
        .loaded = on_loaded, .removed = on_removed, .changed = on_changed, .failed = on_failed, .lost = on_lost,
};

/* --- Life ------------------------------------------------------------------------------------------------------ */

static int follow_metrics(Live *live) {
        int r;

        r = sd_bus_match_signal_async(live->bus, &live->health_changed, METRICS_BUS_NAME, METRICS_BUS_PATH,
                                      METRICS_BUS_INTERFACE, "HealthChanged", on_health_changed, NULL, live);
        if (r >= 0)
                r = sd_bus_add_match_async(live->bus, &live->name_owner_changed,
                                           "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                           "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='"
                                           METRICS_BUS_NAME "'", on_name_owner_changed, NULL, live);
        return r < 0 ? r : live_ask_health(live);
}

int live_new(sd_bus *bus, const LiveEvents *events, void *userdata, Live **ret) {
        _cleanup_(live_freep) Live *live = calloc(1, sizeof(Live));
        int r;

        if (!live)
                return -ENOMEM;
        live->bus = bus;
        live->events = events;
        live->userdata = userdata;
        r = sd_event_new(&live->event);
        if (r >= 0)
                r = sd_bus_attach_event(bus, live->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = fleet_new(bus, &fleet_events, live, &live->fleet);
        if (r >= 0)
                r = follow_metrics(live);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(live);
        return 0;
}

Live *live_free(Live *live) {
        if (!live)
                return NULL;
        (void) sd_bus_slot_unref(live->question);
        (void) sd_bus_slot_unref(live->health_changed);
        (void) sd_bus_slot_unref(live->name_owner_changed);
        fleet_free(live->fleet);
        (void) sd_bus_detach_event(live->bus);
        (void) sd_event_unref(live->event);
        free(live->trouble);
        free(live);
        return NULL;
}

int live_run(Live *live) {
        int r;

        r = sd_event_loop(live->event);
        if (r < 0) {
                (void) log_errno(r, "cannot follow the services");
                return CTL_FAILED;
        }
        return live->status;
}

void live_end(Live *live, int status) {
        live->ended = true;
        live->status = status;
        (void) sd_event_exit(live->event, 0);
}
