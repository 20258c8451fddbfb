/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "collector.h"
#include "manager.h"
#include "shared/service-bus.h"

/* How the reloads of each service go. Its host says so on the bus by a signal, whoever asked for the reload; when a service
 * has started, its host is asked once what it says then, and from the answer is known which name its signals come from. */

typedef struct Reloads {
        Manager *manager;
        Account *account;
        sd_bus_slot *signals;
        uint64_t begun; /* monotonic usec */
} Reloads;

/* What a host says. */
typedef struct HostReloads {
        char *last_result;
        uint64_t reloaded, rejected; /* in this run so far */
} HostReloads;

static const BusProperty properties[] = {
        { SERVICE_BUS_INTERFACE, "LastResult", "s", offsetof(HostReloads, last_result) },
        { SERVICE_BUS_INTERFACE, "Reloaded", "t", offsetof(HostReloads, reloaded) },
        { SERVICE_BUS_INTERFACE, "Rejected", "t", offsetof(HostReloads, rejected) },
};

typedef struct ReloadWatch {
        Reloads *reloads;
        Watched *watched;
        sd_bus_slot *slot; /* of the question under way */
        char *asked_at;    /* the unit's status line at the last question of this run; NULL for none */
        char *owner;       /* the host's unique name on the bus; NULL until it has answered in this run */
        uint64_t reloaded, rejected; /* as it said last */
} ReloadWatch;

const char *reload_outcome_to_string(ReloadOutcome outcome) {
        static const char *const names[] = {
                [RELOAD_RELOADED] = "reloaded",
                [RELOAD_REJECTED] = "rejected",
                [RELOAD_ROLLED_BACK] = "rolled-back",
        };

        return names[outcome];
}

/* --- What hosts say --- */

static void take(ReloadWatch *rw, const HostReloads *now) {
        const char *result = now->last_result ? now->last_result : "";
        uint64_t *counts = rw->watched->reloads;

        rw->watched->reload_failed = streq(result, "rejected") || streq(result, "rolled-back");
        counts[RELOAD_RELOADED] += now->reloaded - MIN(rw->reloaded, now->reloaded);
        counts[RELOAD_REJECTED] += now->rejected - MIN(rw->rejected, now->rejected);
        rw->reloaded = now->reloaded;
        rw->rejected = now->rejected;
}

/* Of a run that began under our eyes everything counts, of an older one what comes from now on. */
static void take_first(ReloadWatch *rw, const HostReloads *now) {
        bool seen = rw->watched->unit->active_since >= rw->reloads->begun;

        rw->reloaded = seen ? 0 : now->reloaded;
        rw->rejected = seen ? 0 : now->rejected;
        /* That happens at a start alone. */
        if (seen && now->last_result && streq(now->last_result, "rolled-back"))
                rw->watched->reloads[RELOAD_ROLLED_BACK]++;
        take(rw, now);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ReloadWatch *rw = userdata;
        HostReloads now = {};
        int r;
        ACCOUNT_CHARGE(rw->reloads->account);

        rw->slot = sd_bus_slot_unref(rw->slot);
        if (sd_bus_message_is_method_error(m, NULL)) {
                rw->watched->reload_failed = -1; /* a program that is not ours, or one that is ending */
                account_ok(rw->reloads->account);
                return 0;
        }
        r = bus_read_properties(m, properties, ELEMENTSOF(properties), &now);
        if (r >= 0)
                r = str_replace(&rw->owner, strna(sd_bus_message_get_sender(m)));
        if (r >= 0) {
                take_first(rw, &now);
                account_ok(rw->reloads->account);
        } else
                account_failed(rw->reloads->account, "cannot read how the reloads of %s went: %s",
                               rw->watched->unit->service->id, strerror(-r));
        free(now.last_result);
        return 0;
}

static ReloadWatch *find(const Reloads *reloads, const char *owner) {
        const Fleet *fleet = reloads->manager->fleet;

        for (size_t i = 0; owner && i < fleet_count(fleet); i++) {
                const Watched *w = fleet_at(fleet, i)->userdata;

                if (w && w->reload_watch && w->reload_watch->owner && streq(w->reload_watch->owner, owner))
                        return w->reload_watch;
        }
        return NULL;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Reloads *reloads = userdata;
        HostReloads now = {};
        ReloadWatch *rw;
        int r;
        ACCOUNT_CHARGE(reloads->account);

        rw = find(reloads, sd_bus_message_get_sender(m));
        if (!rw) /* its first answer is on the way, and says all of this */
                return 0;
        r = sd_bus_message_skip(m, "s");
        if (r >= 0)
                r = bus_read_properties(m, properties, ELEMENTSOF(properties), &now);
        if (r >= 0) {
                take(rw, &now);
                account_ok(reloads->account);
        } else
                account_failed(reloads->account, "cannot read how a reload of %s went: %s",
                               rw->watched->unit->service->id, strerror(-r));
        free(now.last_result);
        return 0;
}

/* --- When they are asked --- */

static int ask(ReloadWatch *rw) {
        sd_bus *bus = rw->reloads->manager->bus;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *name = NULL;
        int r;

        name = str_printf(SERVICE_BUS_NAME_PREFIX "%s", rw->watched->unit->service->id);
        if (!name)
                return -ENOMEM;
        r = str_replace(&rw->asked_at, rw->watched->unit->status_text);
        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &m, name, SERVICE_BUS_PATH,
                                                   "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", SERVICE_BUS_INTERFACE);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        return r < 0 ? r : sd_bus_call_async(bus, &rw->slot, m, on_answer, rw, 0);
}

static void try_to_ask(ReloadWatch *rw) {
        int r = ask(rw);

        if (r < 0)
                account_failed(rw->reloads->account, "%s cannot be asked how its reloads went: %s",
                               rw->watched->unit->service->id, strerror(-r));
}

static void forget_run(ReloadWatch *rw) {
        rw->slot = sd_bus_slot_unref(rw->slot);
        free(TAKE_PTR(rw->asked_at));
        free(TAKE_PTR(rw->owner));
}

static void follow(void *state, Watched *w, unsigned changes) {
        ReloadWatch *rw = w->reload_watch;

        if (w->self || !(changes & WATCHED_NEW_RUN))
                return;
        if (!rw) {
                rw = calloc(1, sizeof(ReloadWatch));
                if (!rw) {
                        account_failed(((Reloads *) state)->account, "out of memory");
                        return;
                }
                rw->reloads = state;
                rw->watched = w;
                w->reload_watch = rw;
        }
        forget_run(rw);
        try_to_ask(rw);
}

/* Whoever was not on the bus yet may be now; what is not ours does not change its status line, or is asked in vain. */
static void tick(void *state, Watched *w) {
        ReloadWatch *rw = w->reload_watch;

        if (rw && w->unit->condition == FLEET_RUNNING && !rw->slot && !rw->owner &&
            (!rw->asked_at || !streq(rw->asked_at, w->unit->status_text)))
                try_to_ask(rw);
}

static void removed(void *state, Watched *w) {
        ReloadWatch *rw = TAKE_PTR(w->reload_watch);

        if (!rw)
                return;
        forget_run(rw);
        free(rw);
}

/* --- Begin and end --- */

static void fini(void *state) {
        Reloads *reloads = state;

        sd_bus_slot_unref(reloads->signals);
        free(reloads);
}

static int init(Manager *manager, Account *account, void **ret_state) {
        Reloads *reloads = malloc(sizeof(Reloads));
        int r;

        if (!reloads)
                return -ENOMEM;
        *reloads = (Reloads) { .manager = manager, .account = account, .begun = now_usec() };
        r = sd_bus_add_match_async(manager->bus, &reloads->signals,
                                   "type='signal',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
                                   "path='" SERVICE_BUS_PATH "',arg0='" SERVICE_BUS_INTERFACE "'", on_signal, NULL,
                                   reloads);
        if (r < 0) {
                free(reloads);
                return r;
        }
        *ret_state = reloads;
        return 0;
}

const Collector reload_collector = {
        .name = "reload",
        .init = init,
        .fini = fini,
        .follow = follow,
        .removed = removed,
        .tick = tick,
};
