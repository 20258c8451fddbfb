/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "collector.h"
#include "manager.h"
#include "shared/service-bus.h"

/* Did the last reload of each service fail? The service host says so on the bus, whoever asked for the reload. It also
 * changes its status line then, which systemd tells us: so a host is asked only after a change of that, and at most
 * once an interval. */

typedef struct Reloads {
        Manager *manager;
        Account *account;
} Reloads;

typedef struct ReloadWatch {
        Reloads *reloads;
        char *asked_at; /* the status line of the last question */
        Watched *watched;
        sd_bus_slot *slot; /* of the question under way */
} ReloadWatch;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ReloadWatch *rw = userdata;
        const char *result;
        int r;
        ACCOUNT_CHARGE(rw->reloads->account);

        rw->slot = sd_bus_slot_unref(rw->slot);
        if (sd_bus_message_is_method_error(m, NULL)) {
                rw->watched->reload_failed = -1; /* a program that is not ours, or one that is ending */
                account_ok(rw->reloads->account);
                return 0;
        }
        r = sd_bus_message_read(m, "v", "s", &result);
        if (r < 0) {
                account_failed(rw->reloads->account, "cannot read how the last reload of %s went: %s",
                               rw->watched->unit->service->id, strerror(-r));
                return 0;
        }
        rw->watched->reload_failed = streq(result, "rejected") || streq(result, "rolled-back");
        account_ok(rw->reloads->account);
        return 0;
}

static int ask(ReloadWatch *rw) {
        sd_bus *bus = rw->reloads->manager->bus;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *name = NULL;
        int r;

        name = str_printf(SERVICE_BUS_NAME_PREFIX "%s", rw->watched->unit->service->id);
        if (!name)
                return -ENOMEM;
        r = str_replace_printf(&rw->asked_at, "%s", rw->watched->unit->status_text);
        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &m, name, SERVICE_BUS_PATH,
                                                   "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SERVICE_BUS_INTERFACE, "LastResult");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        return r < 0 ? r : sd_bus_call_async(bus, &rw->slot, m, on_answer, rw, 0);
}

static int reload_watch_new(Reloads *reloads, Watched *w) {
        ReloadWatch *rw = calloc(1, sizeof(ReloadWatch));

        if (!rw)
                return -ENOMEM;
        rw->reloads = reloads;
        rw->watched = w;
        w->reload_watch = rw;
        return 0;
}

static void tick(void *state, Watched *w) {
        Reloads *reloads = state;
        int r = 0;

        if (w->self || w->unit->condition != FLEET_RUNNING)
                return;
        if (!w->reload_watch)
                r = reload_watch_new(reloads, w);
        if (r >= 0 && !w->reload_watch->slot &&
            (!w->reload_watch->asked_at || !streq(w->reload_watch->asked_at, w->unit->status_text)))
                r = ask(w->reload_watch);
        if (r < 0)
                account_failed(reloads->account, "%s cannot be asked how its last reload went: %s",
                               w->unit->service->id, strerror(-r));
}

static void removed(void *state, Watched *w) {
        ReloadWatch *rw = TAKE_PTR(w->reload_watch);

        if (!rw)
                return;
        sd_bus_slot_unref(rw->slot);
        free(rw->asked_at);
        free(rw);
}

static int init(Manager *manager, Account *account, void **ret_state) {
        Reloads *reloads = malloc(sizeof(Reloads));

        if (!reloads)
                return -ENOMEM;
        *reloads = (Reloads) { .manager = manager, .account = account };
        *ret_state = reloads;
        return 0;
}

const Collector reload_collector = {
        .name = "reload",
        .init = init,
        .fini = free,
        .removed = removed,
        .tick = tick,
};
