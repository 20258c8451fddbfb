/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "collector.h"
#include "manager.h"
#include "shared/log.h"
#include "shared/service-bus.h"

/* Did the last reload of each service fail? The service host says so on the bus, whoever asked for the reload. It also
 * changes its status line then, which systemd tells us: so a host is asked only after a change of that, and at most
 * once an interval. */

typedef struct ReloadWatch {
        char *asked_at; /* the status line of the last question */
        Watched *watched;
        sd_bus_slot *slot; /* of the question under way */
} ReloadWatch;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ReloadWatch *rw = userdata;
        const char *result;
        int r;

        rw->slot = sd_bus_slot_unref(rw->slot);
        if (sd_bus_message_is_method_error(m, NULL)) {
                rw->watched->reload_failed = -1; /* a program that is not ours, or one that is ending */
                return 0;
        }
        r = sd_bus_message_read(m, "v", "s", &result);
        if (r < 0)
                log_debug("Cannot read how a reload went: %s", strerror(-r));
        else
                rw->watched->reload_failed = streq(result, "rejected") || streq(result, "rolled-back");
        return 0;
}

static int ask(Manager *manager, ReloadWatch *rw) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *name = NULL;
        int r;

        name = str_printf(SERVICE_BUS_NAME_PREFIX "%s", rw->watched->unit->service->id);
        if (!name)
                return -ENOMEM;
        r = str_replace_printf(&rw->asked_at, "%s", rw->watched->unit->status_text);
        if (r >= 0)
                r = sd_bus_message_new_method_call(manager->bus, &m, name, SERVICE_BUS_PATH,
                                                   "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SERVICE_BUS_INTERFACE, "LastResult");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        return r < 0 ? r : sd_bus_call_async(manager->bus, &rw->slot, m, on_answer, rw, 0);
}

static int reload_watch_new(Watched *w) {
        ReloadWatch *rw = calloc(1, sizeof(ReloadWatch));

        if (!rw)
                return -ENOMEM;
        rw->watched = w;
        w->reload_watch = rw;
        return 0;
}

static void tick(void *state, Watched *w) {
        int r = 0;

        if (w->self || w->unit->condition != FLEET_RUNNING)
                return;
        if (!w->reload_watch)
                r = reload_watch_new(w);
        if (r >= 0 && !w->reload_watch->slot &&
            (!w->reload_watch->asked_at || !streq(w->reload_watch->asked_at, w->unit->status_text)))
                r = ask(state, w->reload_watch);
        if (r < 0)
                log_errno(r, "Cannot ask %s how its last reload went", w->unit->service->id);
}

static void removed(void *state, Watched *w) {
        ReloadWatch *rw = TAKE_PTR(w->reload_watch);

        if (!rw)
                return;
        sd_bus_slot_unref(rw->slot);
        free(rw->asked_at);
        free(rw);
}

static int init(Manager *manager, void **ret_state) {
        *ret_state = manager;
        return 0;
}

const Collector reload_collector = {
        .name = "reload",
        .init = init,
        .removed = removed,
        .tick = tick,
};
