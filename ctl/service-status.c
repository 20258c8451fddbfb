/* SPDX-License-Identifier: MIT */
#include "service-status.h"

#include "basic/time-util.h"
#include "ctl.h"
#include "shared/port-owner.h"
#include "shared/unit-state.h"

#define FIELD(f) offsetof(ServiceStatus, f)

static const BusProperty properties[] = {
        { SYSTEMD_SERVICE, "MainPID", "u", FIELD(pid) },
        { SYSTEMD_SERVICE, "NRestarts", "u", FIELD(restarts) },
        { SYSTEMD_UNIT, "ActiveEnterTimestampMonotonic", "t", FIELD(active_since) },
        { SYSTEMD_SERVICE, "MemoryCurrent", "t", FIELD(memory) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
};

static const BusProperty build_properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", offsetof(BuildStatus, active_state) },
        { SYSTEMD_SERVICE, "StatusText", "s", offsetof(BuildStatus, status) },
};

void build_status_done(BuildStatus *b) {
        free(b->active_state);
        free(b->status);
}

void service_status_free_many(ServiceStatus *list, size_t n) {
        for (size_t i = 0; list && i < n; i++) {
                free(list[i].status_text);
                free(list[i].problem);
                host_status_done(&list[i].host);
        }
        free(list);
}

const char *service_state_word(const Service *s) {
        return unit_state_word(s->load_state, s->active_state, s->sub_state, s->socket_state);
}

static int find_problem(sd_bus *bus, ServiceStatus *st) {
        const Service *s = st->service;
        bool socket_failed = s->socket_state && streq(s->socket_state, "failed");
        const char *problem = NULL;

        if (socket_failed)
                st->problem = port_owner_describe(s->port);
        if (st->problem)
                return 0;
        if (streq(strna(s->active_state), "failed") || streq(strna(s->sub_state), "auto-restart"))
                return unit_failure_reason(bus, s->unit, &st->problem, NULL);
        if (socket_failed)
                problem = "its socket failed: new connections are refused";
        else if (!streq(strna(s->load_state), "loaded") && !service_is_masked(s))
                problem = "its unit file is not valid";
        else if (st->host.hangs)
                problem = "its host does not answer on D-Bus";
        else if (st->host.known && st->host.last_problem && *st->host.last_problem)
                problem = st->host.last_problem;
        if (!problem)
                return 0;
        st->problem = strdup(problem);
        return st->problem ? 0 : -ENOMEM;
}

static int ask_service(BusBatch *batch, ServiceStatus *st) {
        _cleanup_(freep) char *path = bus_unit_path(st->service->unit);
        int r;

        if (!path)
                return -ENOMEM;
        st->memory = UINT64_MAX; /* systemd's own word for "not known" */
        if (streq(strna(st->service->active_state), "inactive"))
                return 0;
        r = bus_batch_unit_properties(batch, path, properties, ELEMENTSOF(properties), st);
        return r < 0 ? r : host_status_ask(batch, st->service->id, &st->host);
}

static int ask_build(BusBatch *batch, BuildStatus *build) {
        _cleanup_(freep) char *path = bus_unit_path(WATCHD_UNIT);
        int r;

        if (!path)
                return -ENOMEM;
        r = bus_batch_hold_unit(batch, WATCHD_UNIT);
        if (r < 0)
                return r;
        return bus_batch_unit_properties(batch, path, build_properties, ELEMENTSOF(build_properties), build);
}

/* A watcher that has given up left its reason; one that was stopped has nothing to say. */
static int settle_build(BuildStatus *build) {
        const char *why = build->status;

        if (!why)
                return 0;
        if (!*why)
                why = "see 'systemctl --user status " WATCHD_UNIT "'";
        if (streq(strna(build->active_state), "failed"))
                return str_replace_printf(&build->status, BUILD_WATCHER_FAILED ": %s", why);
        if (!*build->status || !streq(strna(build->active_state), "active"))
                free(TAKE_PTR(build->status));
        return 0;
}

static int query(sd_bus *bus, ServiceStatus *list, size_t n, BuildStatus *build) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        uint64_t now;
        int r;

        r = ask_build(&batch, build);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = ask_service(&batch, list + i);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r >= 0)
                r = settle_build(build);
        if (r < 0)
                return r;
        now = now_usec();
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (service_is_active(list[i].service) && list[i].active_since > 0 && list[i].active_since <= now)
                        list[i].uptime = now - list[i].active_since;
                list[i].memory_source = unit_memory_settle(&list[i].memory, list[i].pid);
                r = find_problem(bus, list + i);
        }
        return r;
}

int service_status_query(sd_bus *bus, const Service *const *services, size_t n, ServiceStatus **ret,
                         BuildStatus *ret_build) {
        ServiceStatus *list = calloc(n + 1, sizeof(ServiceStatus));
        BuildStatus build = {};
        int r;

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                list[i].service = services[i];
        r = query(bus, list, n, &build);
        if (r < 0) {
                service_status_free_many(list, n);
                build_status_done(&build);
                return r;
        }
        *ret = list;
        *ret_build = build;
        return 0;
}
