/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/fleet-internal.h"
#include "shared/log.h"
#include "shared/port-owner.h"
#include "shared/unit-state.h"

#define FIELD(f) offsetof(UnitState, f)

/* What is followed by signals. systemd sends a service's own properties first and then those that every unit has, all
 * of each kind in one signal; so with the second the picture is whole. */
static const BusProperty service_properties[] = {
        { SYSTEMD_SERVICE, "MainPID", "u", FIELD(pid) },
        { SYSTEMD_SERVICE, "NRestarts", "u", FIELD(n_restarts) },
        { SYSTEMD_SERVICE, "Result", "s", FIELD(result) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
};

static const BusProperty unit_properties[] = {
        { SYSTEMD_UNIT, "InvocationID", "ay", FIELD(invocation) },
        { SYSTEMD_UNIT, "InactiveExitTimestampMonotonic", "t", FIELD(inactive_exit) },
        { SYSTEMD_UNIT, "ActiveEnterTimestampMonotonic", "t", FIELD(active_enter) },
        { SYSTEMD_UNIT, "StateChangeTimestamp", "t", FIELD(state_change) },
        /* These are asked for together, in systemd's list of units: see fleet-list.c. */
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(active_state) },
        { SYSTEMD_UNIT, "SubState", "s", FIELD(sub_state) },
        { SYSTEMD_UNIT, "Job", "(uo)", FIELD(job) },
};
#define UNIT_PROPERTIES_ASKED 4

static const BusProperty socket_properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(socket_state) },
};

const char *fleet_condition_to_string(FleetCondition c) {
        static const char *const names[] = {
                [FLEET_STOPPED] = "stopped",
                [FLEET_ASLEEP] = "asleep",
                [FLEET_CHANGING] = "changing",
                [FLEET_RUNNING] = "running",
                [FLEET_FAILED] = "failed",
        };

        return names[c];
}

FleetCondition fleet_condition_of(const UnitState *s) {
        const char *active = s->active_state, *sub = s->sub_state;

        if (streq(active, "active") || streq(active, "reloading") || streq(active, "refreshing"))
                return FLEET_RUNNING;
        if (!*active)
                return FLEET_STOPPED;
        if (!streq(active, "inactive") && !streq(active, "failed"))
                return FLEET_CHANGING;
        /* A restart passes through both with its job still in the queue. From systemd 254 on there are states of their
         * own between a crash and the next start: {dead,failed}-before-auto-restart. */
        if (s->job != 0 || endswith(sub, "-before-auto-restart"))
                return FLEET_CHANGING;
        if (streq(active, "failed"))
                return FLEET_FAILED;
        if (streq(s->load_state, "masked"))
                return FLEET_STOPPED;
        if (streq(s->load_state, "error") || streq(s->load_state, "bad-setting") || streq(s->socket_state, "failed"))
                return FLEET_FAILED;
        return streq(s->socket_state, "active") && s->inactive_exit == 0 ? FLEET_ASLEEP : FLEET_STOPPED;
}

uint32_t fleet_restarts_between(uint32_t before, uint32_t now) {
        return now >= before ? now - before : now;
}

bool fleet_unit_counts(const FleetUnit *unit) {
        return service_counts(unit->service);
}

const char *fleet_unit_word(const FleetUnit *unit) {
        return unit_state_word(unit->load_state, unit->active_state, unit->sub_state, unit->socket_state);
}

/* --- Life --------------------------------------------------------------------------------------------------- */

/* What the owner sees of the state word for word. */
static const struct {
        size_t shown;
        size_t state;
} strings[] = {
        { offsetof(FleetUnit, load_state), FIELD(load_state) },
        { offsetof(FleetUnit, active_state), FIELD(active_state) },
        { offsetof(FleetUnit, sub_state), FIELD(sub_state) },
        { offsetof(FleetUnit, socket_state), FIELD(socket_state) },
        { offsetof(FleetUnit, result), FIELD(result) },
        { offsetof(FleetUnit, status_text), FIELD(status_text) },
};

static char **string_at(void *object, size_t offset) {
        return (char **) ((char *) object + offset);
}

Member *member_free(Member *m) {
        if (!m)
                return NULL;
        unit_failure_free(m->failure);
        (void) sd_bus_slot_unref(m->confirming);
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                free(*string_at(&m->unit, strings[i].shown));
                free(*string_at(&m->state, strings[i].state));
        }
        free(m->unit.failure);
        free(m->id);
        free(m->path);
        free(m->socket_path);
        free(m);
        return NULL;
}

int member_new(Fleet *fleet, const Service *service, Member **ret) {
        _cleanup_(member_freep) Member *m = calloc(1, sizeof(Member));

        if (!m)
                return -ENOMEM;
        m->fleet = fleet;
        m->unit.service = service;
        m->unit.failure = strdup("");
        m->id = strdup(service->id);
        m->path = bus_unit_path(service->unit);
        if (!m->unit.failure || !m->id || !m->path)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                if (str_replace(string_at(&m->unit, strings[i].shown), "") < 0 ||
                    str_replace(string_at(&m->state, strings[i].state), "") < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(m);
        return 0;
}

int member_set_socket(Member *m, const char *socket) {
        char *path = NULL;

        if (socket) {
                path = bus_unit_path(socket);
                if (!path)
                        return -ENOMEM;
        }
        free(m->socket_path);
        m->socket_path = path;
        return path ? 0 : str_replace(&m->state.socket_state, "");
}

/* --- What systemd says ---------------------------------------------------------------------------------------- */

int member_ask(Member *m, BusBatch *batch) {
        int r;

        r = bus_batch_unit_properties(batch, m->path, service_properties, ELEMENTSOF(service_properties), &m->state);
        return r < 0 ? r : bus_batch_unit_properties(batch, m->path, unit_properties, UNIT_PROPERTIES_ASKED, &m->state);
}

int member_take_service(Member *m, const char *load, const char *active, const char *sub, uint32_t job) {
        m->state.job = job;
        if (str_replace(&m->state.load_state, load) < 0 || str_replace(&m->state.active_state, active) < 0 ||
            str_replace(&m->state.sub_state, sub) < 0)
                return -ENOMEM;
        return 0;
}

int member_take_socket(Member *m, const char *active) {
        return str_replace(&m->state.socket_state, active);
}

int member_take_change(Member *m, bool of_socket, sd_bus_message *message) {
        const char *interface;
        int r;

        r = sd_bus_message_read(message, "s", &interface);
        if (r < 0)
                return r;
        if (streq(interface, SYSTEMD_UNIT)) {
                r = of_socket ? bus_read_properties(message, socket_properties, ELEMENTSOF(socket_properties), &m->state) :
                                bus_read_properties(message, unit_properties, ELEMENTSOF(unit_properties), &m->state);
                return r < 0 ? r : 1;
        }
        if (!streq(interface, SYSTEMD_SERVICE))
                return 0;
        r = bus_read_properties(message, service_properties, ELEMENTSOF(service_properties), &m->state);
        return r < 0 ? r : 0;
}

static bool is_at_rest(FleetCondition c) {
        return c == FLEET_STOPPED || c == FLEET_ASLEEP || c == FLEET_FAILED;
}

bool member_must_confirm(const Member *m) {
        FleetCondition now = fleet_condition_of(&m->state);

        return is_at_rest(now) && now != m->unit.condition;
}

/* --- Why it failed -------------------------------------------------------------------------------------------- */

static void on_failure(int error, const char *reason, const char *result, void *userdata) {
        Member *m = userdata;

        unit_failure_free(TAKE_PTR(m->failure));
        if (error >= 0)
                error = str_replace(&m->unit.failure, reason);
        if (error < 0)
                (void) log_errno(error, "cannot find out why %s failed", m->unit.service->unit);
        else
                fleet_say_changed(m->fleet, m, m->unit.condition);
}

static int find_failure(Member *m) {
        const Service *service = m->unit.service;
        _cleanup_(freep) char *taken = NULL;
        bool of_socket = streq(m->state.socket_state, "failed");

        unit_failure_free(TAKE_PTR(m->failure));
        /* A socket whose port a stranger has takes the service with it, and its own words would say nothing of that. */
        taken = of_socket ? port_owner_describe(service->port) : NULL;
        if (taken)
                return str_replace(&m->unit.failure, taken);
        return unit_failure_ask(m->fleet->bus, of_socket && streq(m->state.active_state, "inactive") ? service->socket :
                                service->unit, on_failure, m, &m->failure);
}

static int settle_failure(Member *m, bool of_new) {
        int r;

        if (m->unit.condition != FLEET_FAILED) {
                unit_failure_free(TAKE_PTR(m->failure));
                return *m->unit.failure ? str_replace(&m->unit.failure, "") : 0;
        }
        if (!of_new)
                return 0;
        r = str_replace(&m->unit.failure, "");
        return r < 0 ? r : find_failure(m);
}

/* --- What the owner sees -------------------------------------------------------------------------------------- */

static int show_strings(Member *m, bool *changed) {
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                char **shown = string_at(&m->unit, strings[i].shown), *now = *string_at(&m->state, strings[i].state);

                if (streq(*shown, now))
                        continue;
                if (str_replace(shown, now) < 0)
                        return -ENOMEM;
                *changed = true;
        }
        return 0;
}

static void show_number(uint64_t *shown, uint64_t now, bool *changed) {
        *changed = *changed || *shown != now;
        *shown = now;
}

static void show_figures(Member *m, bool *changed) {
        bool is_active = m->unit.condition == FLEET_RUNNING;
        char id[SD_ID128_STRING_MAX] = "";

        if (!sd_id128_is_null(m->state.invocation))
                (void) sd_id128_to_string(m->state.invocation, id);
        *changed = *changed || !streq(m->unit.invocation_id, id) || m->unit.pid != m->state.pid;
        memcpy(m->unit.invocation_id, id, sizeof(id));
        m->unit.pid = m->state.pid;
        show_number(&m->unit.active_since, is_active ? m->state.active_enter : 0, changed);
        if (m->announced)
                show_number(&m->unit.restarts, m->unit.restarts + fleet_restarts_between(m->unit.n_restarts,
                            m->state.n_restarts), changed);
        m->unit.n_restarts = m->state.n_restarts;
}

int member_settle(Member *m, FleetCondition *ret_was) {
        FleetCondition was = m->unit.condition, now = fleet_condition_of(&m->state);
        bool changed = was != now, of_new;
        int r;

        of_new = changed || m->failure_of != m->state.state_change ||
                 !streq(m->unit.socket_state, m->state.socket_state);
        m->failure_of = m->state.state_change;
        m->unit.condition = now;
        if (changed)
                m->unit.changed_at = now_realtime_usec();
        if (!m->announced)
                m->unit.changed_at = m->state.state_change;
        show_figures(m, &changed);
        r = show_strings(m, &changed);
        if (r >= 0)
                r = settle_failure(m, of_new);
        if (r < 0)
                return r;
        *ret_was = m->announced ? was : now;
        return changed;
}

int member_show(Member *m) {
        FleetCondition was;
        int r;

        r = member_settle(m, &was);
        if (r > 0)
                fleet_say_changed(m->fleet, m, was);
        return r;
}
