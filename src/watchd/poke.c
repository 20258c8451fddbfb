/* SPDX-License-Identifier: MIT */
#include "watchd/poke.h"

#include <systemd/sd-bus.h>
#include <time.h>

#include "basic/string-util.h"
#include "shared/log.h"

#define RELOAD_UNIT "tooloo-reload.service"
/* The gap to be covered lasts a few milliseconds; one more look that comes later than people notice would be no
 * repair. */
#define POKE_AFTER (300 * USEC_PER_MSEC)

struct Poke {
        sd_event *event;
        sd_event_source *timer;
        sd_bus *bus;
};

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Poke *p = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        if (!e)
                return 0;
        if (sd_bus_error_has_name(e, "org.freedesktop.systemd1.NoSuchUnit"))
                log_debug("no " RELOAD_UNIT " here: %s", strna(e->message));
        else
                log_warning("cannot start " RELOAD_UNIT ": %s", strna(e->message));
        if (sd_bus_is_open(p->bus) <= 0)
                p->bus = sd_bus_close_unref(p->bus); /* the bus was restarted; the next poke connects again */
        return 0;
}

static int connect_bus(Poke *p) {
        sd_bus *bus;
        int r;

        if (p->bus && sd_bus_is_open(p->bus) > 0)
                return 0;
        p->bus = sd_bus_close_unref(p->bus);
        r = sd_bus_open_user(&bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(bus, p->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }
        p->bus = bus;
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Poke *p = userdata;
        int r;

        r = connect_bus(p);
        if (r < 0) {
                log_debug("no user bus: %s", strerror(-r));
                return 0;
        }
        r = sd_bus_call_method_async(p->bus, NULL, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                     "org.freedesktop.systemd1.Manager", "StartUnit", on_reply, p, "ss", RELOAD_UNIT,
                                     "replace");
        if (r < 0)
                log_warning("cannot start " RELOAD_UNIT ": %s", strerror(-r));
        return 0;
}

int poke_new(sd_event *event, Poke **ret) {
        _cleanup_(poke_freep) Poke *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(event);
        r = sd_event_add_time(event, &p->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, p);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int poke_soon(Poke *p) {
        int r;

        r = sd_event_source_set_time_relative(p->timer, POKE_AFTER);
        return r < 0 ? r : sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

void poke_free(Poke *p) {
        sd_event_source_disable_unref(p->timer);
        sd_bus_close_unref(p->bus);
        sd_event_unref(p->event);
        free(p);
}
