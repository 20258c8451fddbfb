/* SPDX-License-Identifier: MIT */
#include "service-status.h"

#include "basic/time-util.h"
#include "ctl.h"
#include "health.h"
#include "shared/port-owner.h"
#include "shared/unit-state.h"

#define FIELD(f) offsetof(ServiceStatus, f)

static const BusProperty properties[] = {
        { SYSTEMD_SERVICE, "MainPID", "u", FIELD(pid) },
        { SYSTEMD_SERVICE, "NRestarts", "u", FIELD(restarts) },
        { SYSTEMD_UNIT, "ActiveEnterTimestampMonotonic", "t", FIELD(active_since) },
        /* From here on not for a brief report. */
        { SYSTEMD_SERVICE, "MemoryCurrent", "t", FIELD(memory) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
};
#define N_BRIEF 3

static const BusProperty change_properties[] = { { SYSTEMD_UNIT, "ActiveState", "s", FIELD(change_state) } };

static const BusProperty build_properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", offsetof(BuildStatus, active_state) },
        { SYSTEMD_SERVICE, "StatusText", "s", offsetof(BuildStatus, status) },
};

void status_report_done(StatusReport *report) {
        for (size_t i = 0; i < report->n; i++) {
                ServiceStatus *st = report->services + i;

                free(st->status_text);
                free(st->health);
                free(st->health_problem);
                free(st->change_state);
                free(st->problem);
                host_status_done(&st->host);
        }
        free(report->services);
        runs_done(&report->runs);
        upgrade_hold_done(&report->hold);
        free(report->build.active_state);
        free(report->build.status);
        free(report->health_trouble);
        *report = (StatusReport) {};
}

const char *service_state_word(const Service *s) {
        return unit_state_word(s->load_state, s->active_state, s->sub_state, s->socket_state);
}

/* metricsd also says what a single probe found that has not changed its verdict yet. */
static bool is_unwell(const ServiceStatus *st) {
        return st->health && (streq(st->health, "degraded") || streq(st->health, "offline"));
}

/* What cannot be read holds nothing for whoever looks; who upgrades says so. */
static void find_hold(StatusReport *report) {
        char invocation[33] = "";
        bool healthy = false;

        if (upgrade_hold_read(&report->hold) < 0) {
                upgrade_hold_done(&report->hold);
                return;
        }
        for (size_t i = 0; i < report->n; i++) {
                const ServiceStatus *st = report->services + i;

                if (!streq(st->service->id, report->hold.service))
                        continue;
                healthy = service_is_active(st->service) && st->health && streq(st->health, "healthy");
                unit_invocation(st->service->unit, invocation);
        }
        if (!upgrade_hold_stands(&report->hold, invocation, healthy))
                upgrade_hold_done(&report->hold);
}

/* The first of its instances that is not well. A trial's failure is the swap's to tell. */
static int find_instance_problem(sd_bus *bus, const InstanceStates *instances, ServiceStatus *st) {
        for (size_t i = 0; i < instances->n && !st->problem; i++) {
                const InstanceState *it = instances->items + i;
                _cleanup_(freep) char *reason = NULL;
                int r = 0;

                if (!streq(it->id, st->service->id) || streq(it->name, INSTANCE_TRIAL_NAME))
                        continue;
                if (streq(it->active_state, "failed") || streq(it->sub_state, "auto-restart")) {
                        r = unit_failure_reason(bus, it->unit, &reason, NULL);
                        if (r >= 0)
                                r = str_replace_printf(&st->problem, "%s: %s", it->unit, reason);
                } else if (streq(it->name, INSTANCE_NEXT_NAME) && instance_runs(it) && !service_is_active(st->service))
                        r = str_replace_printf(&st->problem, "it was left in the midst of a swap, and %s serves: run "
                                                             "'toolooctl reload %s'", it->unit, it->id);
                if (r < 0)
                        return r;
        }
        return 0;
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
        else if (is_unwell(st) && service_is_active(s)) /* what does not run is systemd's to explain */
                problem = st->health_problem;
        if (!problem && streq(strna(st->change_state), "failed")) {
                st->problem = str_printf("the last change of its files is not live; see 'journalctl "
                                         "--user-unit=tooloo-reload@%s -n 20'", s->id);
                return st->problem ? 0 : -ENOMEM;
        }
        if (!problem)
                return 0;
        st->problem = strdup(problem);
        return st->problem ? 0 : -ENOMEM;
}

/* watchd starts it for a change of the files of a service of one's own. */
static int ask_change(BusBatch *batch, ServiceStatus *st) {
        _cleanup_(freep) char *unit = NULL, *path = NULL;
        char **watch = st->service->settings.watch;

        if (!watch || **watch != '/')
                return 0;
        unit = str_printf("tooloo-reload@%s.service", st->service->id);
        path = unit ? bus_unit_path(unit) : NULL;
        return path ? bus_batch_unit_properties(batch, path, change_properties, ELEMENTSOF(change_properties), st) : -ENOMEM;
}

static int ask_systemd(BusBatch *batch, ServiceStatus *st, bool brief) {
        _cleanup_(freep) char *path = bus_unit_path(st->service->unit);

        return path ? bus_batch_unit_properties(batch, path, properties, brief ? N_BRIEF : ELEMENTSOF(properties), st) :
                      -ENOMEM;
}

static int ask_service(BusBatch *batch, ServiceStatus *st, const StatusReport *report) {
        const Run *run = service_is_active(st->service) ? runs_find(&report->runs, st->service->id) : NULL;
        int r = 0;

        st->memory = UINT64_MAX; /* systemd's own word for "not known" */
        if (streq(strna(st->service->active_state), "inactive"))
                return 0;
        if (run) {
                st->pid = run->pid;
                st->active_since = run->active_since;
                st->memory = run->memory;
                st->memory_source = run->memory_source;
        } else
                r = ask_systemd(batch, st, report->brief);
        if (r >= 0 && !report->brief)
                r = ask_change(batch, st);
        /* A host reloads. */
        return r < 0 || (report->brief && !st->service->can_reload) ? r :
                host_status_ask(batch, st->service->id, &st->host);
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

static int ask_all(BusBatch *batch, StatusReport *report, InstanceStates *instances) {
        int r;

        r = ask_build(batch, &report->build);
        if (r >= 0)
                r = instance_states_ask(batch, instances);
        if (r >= 0)
                r = health_ask(batch, report);
        if (r >= 0)
                r = runs_wait(&report->runs);
        for (size_t i = 0; i < report->n && r >= 0; i++)
                r = ask_service(batch, report->services + i, report);
        return r < 0 ? r : bus_batch_wait(batch);
}

int service_status_query(sd_bus *bus, const Service *const *services, size_t n, StatusReport *ret) {
        _cleanup_(instance_states_done) InstanceStates instances = {};
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        bool counted = ret->brief;
        uint64_t now;
        int r;

        ret->services = calloc(n + 1, sizeof(ServiceStatus));
        if (!ret->services)
                return -ENOMEM;
        ret->n = n;
        for (size_t i = 0; i < n; i++) {
                ret->services[i].service = services[i];
                ret->services[i].response_ms = -1;
        }
        r = ask_all(&batch, ret, &instances);
        if (r >= 0)
                r = settle_build(&ret->build);
        find_hold(ret);
        now = now_usec();
        for (size_t i = 0; i < n && r >= 0; i++) {
                ServiceStatus *st = ret->services + i;

                if (service_is_active(st->service) && st->active_since > 0 && st->active_since <= now)
                        st->uptime = now - st->active_since;
                if (st->memory_source == MEMORY_NONE)
                        st->memory_source = unit_memory_read(&st->memory, st->pid, &counted);
                st->instances = service_is_active(st->service) + instance_count(&instances, st->service->id);
                r = find_instance_problem(bus, &instances, st);
                if (r >= 0 && !st->problem)
                        r = find_problem(bus, st);
        }
        return r;
}
