/* SPDX-License-Identifier: MIT */
#include "watchd/own-services.h"

#include "basic/string-util.h"
#include "shared/log.h"

struct OwnServices {
        OwnContext context;
        Status *status;
        const OwnServicesEvents *events;
        Fleet *fleet;
        bool known;
};

static int each(OwnServices *all, int (*f)(OwnService *o)) {
        int r = 0;

        for (size_t i = 0; i < fleet_count(all->fleet) && r >= 0; i++) {
                OwnService *o = fleet_at(all->fleet, i)->userdata;

                if (o)
                        r = f(o);
        }
        return r;
}

size_t own_services_count(const OwnServices *all) {
        size_t n = 0;

        for (size_t i = 0; i < fleet_count(all->fleet); i++)
                n += fleet_at(all->fleet, i)->userdata != NULL;
        return n;
}

int own_services_take(OwnServices *all) {
        return each(all, own_service_take);
}

int own_services_ask(OwnServices *all) {
        return each(all, own_service_ask);
}

/* The first trouble, and how many more there are. */
static void show_status(void *userdata) {
        _cleanup_(freep) char *whole = NULL;
        OwnServices *all = userdata;
        const char *first = NULL;
        size_t n = 0;

        if (!all->fleet) /* not yet */
                return;
        for (size_t i = 0; i < fleet_count(all->fleet); i++) {
                const OwnService *o = fleet_at(all->fleet, i)->userdata;
                const char *trouble = o ? own_service_trouble(o) : NULL;

                first = first ? first : trouble;
                n += trouble != NULL;
        }
        if (n > 1)
                whole = str_printf("%s (and %zu more)", first, n - 1);
        status_set_services(all->status, own_services_count(all), whole ? whole : first);
}

static void drop(FleetUnit *unit) {
        OwnService *o = TAKE_PTR(unit->userdata);

        if (o)
                own_service_free(o);
}

/* One whose settings are the same goes on with what it has seen. */
static void update(OwnServices *all, FleetUnit *unit) {
        OwnService *o = unit->userdata;
        int r;

        if (o && own_service_wanted(unit->service) && own_service_is_current(o, unit->service))
                return;
        drop(unit);
        if (!own_service_wanted(unit->service))
                return;
        r = own_service_new(&all->context, unit, &o);
        if (r >= 0)
                unit->userdata = o;
        else if (r != -ENOENT)
                log_errno(r, "%s is not followed", unit->service->id);
}

static void tell_known(OwnServices *all) {
        if (all->known)
                return;
        all->known = true;
        all->events->known(all->events->userdata);
}

static void on_loaded(Fleet *fleet, void *userdata) {
        OwnServices *all = userdata;

        for (size_t i = 0; i < fleet_count(fleet); i++)
                update(all, fleet_at(fleet, i));
        show_status(all);
        tell_known(all);
}

static void on_removed(Fleet *fleet, FleetUnit *unit, void *userdata) {
        drop(unit);
}

static void on_changed(Fleet *fleet, FleetUnit *unit, FleetCondition was, void *userdata) {
        OwnServices *all = userdata;

        if (unit->userdata && own_service_unit_changed(unit->userdata) < 0)
                (void) sd_event_exit(all->context.event, -EIO); /* said; fails only in a loop that has ended */
}

static void on_failed(Fleet *fleet, int error, void *userdata) {
        tell_known(userdata); /* it is tried again */
}

static void on_lost(Fleet *fleet, void *userdata) {
        OwnServices *all = userdata;

        all->events->lost(all->events->userdata);
}

int own_services_new(sd_event *event, sd_bus *bus, WatchSet *set, const Options *options, Status *status,
                     const OwnServicesEvents *events, OwnServices **ret) {
        static const FleetEvents fleet_events = { on_loaded, on_removed, on_changed, on_failed, on_lost };
        _cleanup_(own_services_freep) OwnServices *all = calloc(1, sizeof(*all));
        int r;

        if (!all)
                return -ENOMEM;
        all->context = (OwnContext) { event, bus, set, options, show_status, all };
        all->status = status;
        all->events = events;
        r = fleet_new(bus, &fleet_events, all, &all->fleet);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(all);
        return 0;
}

void own_services_free(OwnServices *all) {
        for (size_t i = 0; all->fleet && i < fleet_count(all->fleet); i++)
                drop(fleet_at(all->fleet, i));
        fleet_free(all->fleet);
        free(all);
}
