/* SPDX-License-Identifier: MIT */
#include "shared/fleet.h"

#include <time.h>

#include "basic/string-util.h"
#include "shared/fleet-internal.h"
#include "shared/log.h"
#include "shared/strv.h"

/* "systemctl enable" makes UnitFilesChanged and then a reload: one burst. */
#define BURST_USEC (20 * USEC_PER_MSEC)
/* After a load that failed, if no signal comes before: a manager that hung says nothing when it goes on. */
#define RETRY_USEC (5 * USEC_PER_SEC)

/* --- Reading it ----------------------------------------------------------------------------------------------- */

static size_t count(const Registry *registry) {
        return registry ? registry->n_services : 0;
}

static Member *find(Member *const *members, size_t n, const char *id) {
        for (size_t i = 0; i < n; i++)
                if (streq(members[i]->id, id))
                        return members[i];
        return NULL;
}

/* What was made for a load that will not be. */
static void drop_next(Fleet *f) {
        for (size_t i = 0; f->next_members && i < count(f->next_registry); i++)
                if (f->next_members[i] && !f->next_members[i]->announced)
                        member_free(f->next_members[i]);
        free(TAKE_PTR(f->next_members));
        f->next_registry = registry_free(f->next_registry);
}

void fleet_stop(Fleet *f) {
        f->load = registry_load_free(f->load);
        bus_batch_done(&f->batch);
        drop_next(f);
        f->timer = sd_event_source_disable_unref(f->timer);
}

static bool is_loading(const Fleet *f) {
        return f->load || f->next_registry;
}

static void set_timer(Fleet *f, uint64_t usec) {
        int r;

        if (f->lost)
                return;
        r = sd_event_source_set_time_relative(f->timer, usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                (void) log_errno(r, "cannot plan to read the list of services");
}

static void plan_load(Fleet *f) {
        f->wanted = true;
        set_timer(f, BURST_USEC);
}

void fleet_want_load(Fleet *f) {
        if (is_loading(f))
                f->again = true;
        else
                plan_load(f);
}

static void end_load(Fleet *f, int error) {
        drop_next(f);
        if (f->again)
                plan_load(f);
        else if (error < 0)
                set_timer(f, RETRY_USEC);
        f->again = false;
        if (error < 0 && f->events->failed)
                f->events->failed(f, error, f->userdata);
}

static void log_problems(const Fleet *f, const Registry *now) {
        STRV_FOREACH(problem, now->problems)
                if (!f->registry || !strv_contains(f->registry->problems, *problem))
                        log_warning("%s", *problem);
}

/* The registry has held them, so that they are quick to ask; systemd would keep even what has no file any more. */
static void let_go(const Fleet *f, const Member *m) {
        const char *units[] = { m->unit.service->unit, m->unit.service->socket };

        for (size_t i = 0; i < ELEMENTSOF(units) && units[i]; i++)
                /* No answer is waited for: it would only say that something else had loaded it. */
                (void) sd_bus_call_method_async(f->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "UnrefUnit",
                                                NULL, NULL, "s", units[i]);
}

static void remove_gone(Fleet *f, Member **old, size_t n_old) {
        for (size_t i = 0; i < n_old; i++) {
                if (find(f->members, count(f->registry), old[i]->id))
                        continue;
                if (f->events->removed)
                        f->events->removed(f, &old[i]->unit, f->userdata);
                let_go(f, old[i]);
                member_free(old[i]);
        }
}

/* Puts what was read in the place of what was known. */
static int take_next(Fleet *f) {
        _cleanup_(registry_freep) Registry *old_registry = NULL;
        Member **old = f->members;
        RouteTable routes;
        int r;

        r = route_table_new(f->next_registry, &routes);
        if (r < 0)
                return r;
        log_problems(f, f->next_registry);
        old_registry = f->registry;
        f->registry = TAKE_PTR(f->next_registry);
        f->members = TAKE_PTR(f->next_members);
        route_table_done(&f->routes);
        f->routes = routes;
        remove_gone(f, old, count(old_registry));
        free(old);
        for (size_t i = 0; i < count(f->registry); i++)
                f->members[i]->unit.service = f->registry->services + i;
        return 0;
}

static void announce(Fleet *f) {
        size_t n = count(f->registry);
        _cleanup_(freep) FleetCondition *was = calloc(n + 1, sizeof(FleetCondition));
        _cleanup_(freep) bool *changed = calloc(n + 1, sizeof(bool));

        for (size_t i = 0; i < n && was && changed; i++) {
                Member *m = f->members[i];
                int r = member_settle(m, was + i);

                if (r < 0)
                        (void) log_errno(r, "cannot follow %s", m->unit.service->unit);
                changed[i] = r > 0 || !m->announced;
        }
        for (size_t i = 0; i < n; i++)
                f->members[i]->announced = true;
        if (f->events->loaded)
                f->events->loaded(f, f->userdata);
        for (size_t i = 0; i < n && was && changed; i++)
                if (changed[i])
                        fleet_say_changed(f, f->members[i], was[i]);
}

static void on_states(BusBatch *batch, int error, void *userdata) {
        Fleet *f = userdata;

        bus_batch_done(batch);
        if (error >= 0)
                error = take_next(f);
        if (error < 0)
                (void) log_errno(error, "cannot read the state of the services");
        end_load(f, error);
        if (error >= 0)
                announce(f);
}

/* The list comes last, so that what was asked before it is older: a service that had never run and now is inactive may
 * at worst have run since, and the signal of that is on its way. */
static int ask_states(Fleet *f) {
        int r = 0;

        f->batch = (BusBatch) { .bus = f->bus, .finished = on_states, .userdata = f };
        for (size_t i = 0; i < count(f->next_registry) && r >= 0; i++)
                r = member_ask(f->next_members[i], &f->batch);
        return r < 0 ? r : fleet_ask_list(f);
}

/* Those that stay keep their member; until the end of the load it goes on being what it was. */
static int make_members(Fleet *f) {
        size_t n = count(f->next_registry);

        f->next_members = calloc(n + 1, sizeof(Member *));
        if (!f->next_members)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const Service *s = f->next_registry->services + i;
                Member *m = find(f->members, count(f->registry), s->id);
                int r;

                r = m ? 0 : member_new(f, s, &m);
                if (r < 0)
                        return r;
                f->next_members[i] = m;
                r = member_set_socket(m, s->socket);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void on_registry(int error, Registry *registry, void *userdata) {
        Fleet *f = userdata;

        f->load = registry_load_free(f->load);
        if (error >= 0) {
                f->next_registry = registry;
                error = make_members(f);
                if (error >= 0)
                        error = ask_states(f);
                if (error >= 0)
                        return;
                bus_batch_done(&f->batch);
                (void) log_errno(error, "cannot read the state of the services");
        }
        end_load(f, error);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Fleet *f = userdata;
        int r;

        f->wanted = false;
        r = registry_load_async(f->bus, on_registry, f, &f->load);
        if (r < 0)
                end_load(f, r);
        return 0;
}

/* --- For its owner ---------------------------------------------------------------------------------------------- */

int fleet_new(sd_bus *bus, const FleetEvents *events, void *userdata, Fleet **ret) {
        _cleanup_(fleet_freep) Fleet *f = calloc(1, sizeof(Fleet));
        int r;

        if (!f)
                return -ENOMEM;
        f->bus = sd_bus_ref(bus);
        f->event = sd_event_ref(sd_bus_get_event(bus));
        f->events = events;
        f->userdata = userdata;
        if (!f->event)
                return -EINVAL;
        r = sd_event_add_time_relative(f->event, &f->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, f);
        if (r >= 0)
                r = fleet_follow(f);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

Fleet *fleet_free(Fleet *f) {
        if (!f)
                return NULL;
        fleet_unfollow(f);
        fleet_stop(f);
        for (size_t i = 0; i < count(f->registry); i++)
                member_free(f->members[i]);
        free(f->members);
        route_table_done(&f->routes);
        registry_free(f->registry);
        sd_event_unref(f->event);
        sd_bus_unref(f->bus);
        free(f);
        return NULL;
}

void fleet_say_changed(Fleet *f, Member *m, FleetCondition was) {
        if (f->events->changed)
                f->events->changed(f, &m->unit, was, f->userdata);
}

bool fleet_is_loaded(const Fleet *f) {
        return f->registry;
}

bool fleet_is_current(const Fleet *f) {
        return !f->wanted && !is_loading(f);
}

size_t fleet_count(const Fleet *f) {
        return count(f->registry);
}

FleetUnit *fleet_at(const Fleet *f, size_t i) {
        return &f->members[i]->unit;
}

FleetUnit *fleet_find(const Fleet *f, const char *id) {
        Member *m = find(f->members, count(f->registry), id);

        return m ? &m->unit : NULL;
}

const Registry *fleet_registry(const Fleet *f) {
        return f->registry;
}

FleetUnit *fleet_route(const Fleet *f, const char *path) {
        const Service *s = route_table_find(&f->routes, path);

        return s ? &f->members[s - f->registry->services]->unit : NULL;
}

static Member *find_path(Member *const *members, size_t n, const char *path, bool *ret_of_socket) {
        for (size_t i = 0; members && i < n; i++) {
                Member *m = members[i];
                bool of_socket = m->socket_path && streq(m->socket_path, path);

                if (of_socket || streq(m->path, path)) {
                        *ret_of_socket = of_socket;
                        return m;
                }
        }
        return NULL;
}

Member *fleet_member_by_path(const Fleet *f, const char *path, bool *ret_of_socket) {
        Member *m = find_path(f->members, count(f->registry), path, ret_of_socket);

        return m ? m : find_path(f->next_members, count(f->next_registry), path, ret_of_socket);
}
