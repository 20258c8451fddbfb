/* SPDX-License-Identifier: MIT */
#include "metrics-http.h"

#include <math.h>

#include "alert-manager.h"
#include "basic/string-util.h"
#include "config.h"
#include "exposition.h"
#include "manager.h"
#include "summary.h"

#define NSEC_PER_SEC ((double) (USEC_PER_SEC * NSEC_PER_USEC))

static double known(uint64_t value) {
        return value == UINT64_MAX ? NAN : (double) value;
}

/* --- Of each service --- */

/* The next one that is watched, from the i-th unit on; NULL when there is none. */
static const Watched *watched_at(const Manager *m, size_t *i) {
        while (*i < fleet_count(m->fleet)) {
                const Watched *w = fleet_at(m->fleet, (*i)++)->userdata;

                if (w) /* one that has just come is not looked at yet */
                        return w;
        }
        return NULL;
}

#define FOREACH_WATCHED(w, m) \
        for (size_t _index = 0; ((w) = watched_at((m), &_index));)

#define SERVICE_LABELS(w, ...) \
        LABELS({ "name", (w)->unit->service->unit }, { "service", (w)->unit->service->id }, ##__VA_ARGS__)

static double restarts_of(const Watched *w) {
        return (double) w->unit->restarts;
}

static double cpu_of(const Watched *w) {
        return known(w->cpu_time) / NSEC_PER_SEC;
}

static double memory_of(const Watched *w) {
        return known(w->memory);
}

static double health_of(const Watched *w) {
        return w->health == HEALTH_HEALTHY ? 1 : w->health == HEALTH_DEGRADED ? 0.5 : 0;
}

static double generation_of(const Watched *w) {
        return w->generation > 0 ? (double) w->generation : NAN;
}

static double requests_of(const Watched *w) {
        return known(w->requests);
}

static double errors_of(const Watched *w) {
        return known(w->errors);
}

static double probe_failures_of(const Watched *w) {
        return w->self ? NAN : (double) w->probe_failures;
}

/* Those with one series a service. The counters of requests are the service's own, and begin anew with it. */
static const struct {
        MetricFamily family;
        double (*value)(const Watched *w);
} service_families[] = {
        { { "systemd_service_restart", FAMILY_COUNTER, NULL, "Automatic restarts by systemd." }, restarts_of },
        { { "systemd_unit_cpu_seconds", FAMILY_COUNTER, "seconds", "CPU time of the unit in its present run." }, cpu_of },
        { { "systemd_unit_memory_bytes", FAMILY_GAUGE, "bytes", "Memory of the unit." }, memory_of },
        { { "tooloo_service_health", FAMILY_GAUGE, NULL, "1 healthy, 0.5 degraded, 0 offline." }, health_of },
        { { "tooloo_service_generation", FAMILY_GAUGE, NULL, "Copy of the module that serves, counted from the start." },
          generation_of },
        { { "tooloo_service_requests", FAMILY_COUNTER, NULL, "Requests that the service says it has answered." },
          requests_of },
        { { "tooloo_service_request_errors", FAMILY_COUNTER, NULL, "Those of them that went wrong." }, errors_of },
        { { "tooloo_probe_failures", FAMILY_COUNTER, NULL, "Probes of the service's health that went wrong." },
          probe_failures_of },
};

static void write_service_figures(Exposition *e, const Manager *m) {
        for (size_t i = 0; i < ELEMENTSOF(service_families); i++) {
                const Watched *w;

                exposition_family(e, &service_families[i].family);
                FOREACH_WATCHED(w, m)
                        exposition_series(e, SERVICE_LABELS(w), service_families[i].value(w));
        }
}

/* A gauge a state, for not everybody reads OpenMetrics' stateset. */
static void write_states(Exposition *e, const Manager *m) {
        static const MetricFamily family = { "systemd_unit_state", FAMILY_GAUGE, NULL, "1 for the state that the unit is in." };
        static const char *const states[] = { "active", "reloading", "inactive", "failed", "activating", "deactivating" };
        const Watched *w;

        exposition_family(e, &family);
        FOREACH_WATCHED(w, m) {
                const char *state = w->unit->active_state;
                bool usual = false;

                for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                        bool is = streq(state, states[i]);

                        usual = usual || is;
                        exposition_series(e, SERVICE_LABELS(w, { "state", states[i] }), is);
                }
                if (!usual && *state)
                        exposition_series(e, SERVICE_LABELS(w, { "state", state }), 1);
        }
}

static void write_probe_times(Exposition *e, const Manager *m) {
        static const MetricFamily family = { "tooloo_probe_duration_seconds", FAMILY_HISTOGRAM, "seconds",
                                             "How long probes of the service's health took." };
        const Watched *w;

        exposition_family(e, &family);
        FOREACH_WATCHED(w, m)
                if (!w->self) { /* nobody asks it */
                        Histogram times = probe_times_histogram(&w->probe_times);

                        exposition_histogram(e, SERVICE_LABELS(w), &times);
                }
}

static void write_reloads(Exposition *e, const Manager *m) {
        static const MetricFamily family = { "tooloo_reload", FAMILY_COUNTER, NULL, "Reloads, by how they went." };
        const Watched *w;

        exposition_family(e, &family);
        FOREACH_WATCHED(w, m)
                for (unsigned i = 0; i < _RELOAD_OUTCOME_MAX; i++)
                        exposition_series(e, SERVICE_LABELS(w, { "result", reload_outcome_to_string(i) }),
                                          (double) w->reloads[i]);
}

/* --- Of the fleet --- */

static void write_tally(Exposition *e, const Manager *m) {
        static const MetricFamily family = { "tooloo_services", FAMILY_GAUGE, NULL, "Services of the fleet by their health." };
        Summary s = {};
        const Watched *w;

        FOREACH_WATCHED(w, m)
                if (fleet_unit_counts(w->unit))
                        summary_add(&s, w);
        exposition_family(e, &family);
        exposition_series(e, LABELS({ "status", "healthy" }), s.all.healthy);
        exposition_series(e, LABELS({ "status", "degraded" }), s.all.degraded);
        exposition_series(e, LABELS({ "status", "offline" }), s.all.offline);
}

static void write_alerts(Exposition *e, const Manager *m) {
        static const MetricFamily active = { "tooloo_alerts_active", FAMILY_GAUGE, NULL, "Alerts that are active." },
                                  remediations = { "tooloo_remediations", FAMILY_COUNTER, NULL,
                                                   "Actions that alerts called for, by how that ended." };
        static const char *const outcomes[] = {
                [OUTCOME_DONE] = "done", [OUTCOME_FAILED] = "failed", [OUTCOME_REFUSED] = "refused",
        };
        const AlertEngine *engine = alerts_engine(m->alerts);

        exposition_family(e, &active);
        for (unsigned i = 0; i < _SEVERITY_MAX; i++)
                exposition_series(e, LABELS({ "severity", alert_severity_to_string((int) i) }),
                                  (double) alert_engine_active_count(engine, i));
        exposition_family(e, &remediations);
        for (unsigned i = 0; i < _ACTION_MAX; i++)
                for (unsigned k = 0; k < _OUTCOME_MAX; k++)
                        exposition_series(e, LABELS({ "action", alert_action_to_string((int) i) }, { "outcome", outcomes[k] }),
                                          (double) alert_engine_count(engine, i, k));
}

/* --- Of metricsd itself --- */

static double success_of(const Account *a) {
        return account_is_ok(a);
}

static double runs_of(const Account *a) {
        return (double) a->runs;
}

static double failures_of(const Account *a) {
        return (double) a->failures;
}

static double account_cpu_of(const Account *a) {
        return (double) a->cpu / NSEC_PER_SEC;
}

static double last_success_of(const Account *a) {
        return a->last_success == 0 ? NAN : (double) a->last_success / (double) USEC_PER_SEC;
}

static const struct {
        MetricFamily family;
        double (*value)(const Account *a);
} collector_families[] = {
        { { "tooloo_collector_success", FAMILY_GAUGE, NULL, "1 unless the collector's last run failed." }, success_of },
        { { "tooloo_collector_runs", FAMILY_COUNTER, NULL, "Runs of the collector." }, runs_of },
        { { "tooloo_collector_failures", FAMILY_COUNTER, NULL, "Runs of the collector that failed." }, failures_of },
        { { "tooloo_collector_cpu_seconds", FAMILY_COUNTER, "seconds", "CPU time that the collector took." },
          account_cpu_of },
        { { "tooloo_collector_last_success_timestamp_seconds", FAMILY_GAUGE, "seconds",
            "When the collector last succeeded." }, last_success_of },
};

static void write_collectors(Exposition *e, const Manager *m) {
        for (size_t i = 0; i < ELEMENTSOF(collector_families); i++) {
                const Account *account;

                exposition_family(e, &collector_families[i].family);
                for (size_t k = 0; (account = manager_account(m, k)); k++)
                        exposition_series(e, LABELS({ "collector", account->name }), collector_families[i].value(account));
        }
}

static void write_one(Exposition *e, const MetricFamily *family, double value) {
        exposition_family(e, family);
        exposition_series(e, NO_LABELS, value);
}

#define WRITE_ONE(e, name, type, unit, help, value) \
        write_one(e, &(MetricFamily) { name, FAMILY_##type, unit, help }, value)

/* The first six are named as every exporter has them. */
static void write_self(Exposition *e, const Manager *m) {
        double ratio = self_cpu_ratio(&m->self);
        SelfSize size;

        self_size(&size);
        WRITE_ONE(e, "process_cpu_seconds", COUNTER, "seconds", "CPU time of this process.",
                  (double) self_cpu() / NSEC_PER_SEC);
        WRITE_ONE(e, "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory of this process.",
                  known(size.resident));
        WRITE_ONE(e, "process_virtual_memory_bytes", GAUGE, "bytes", "Address space of this process.", known(size.virtual));
        WRITE_ONE(e, "process_open_fds", GAUGE, NULL, "Open descriptors of this process.", known(self_open_files()));
        WRITE_ONE(e, "process_max_fds", GAUGE, NULL, "Descriptors that this process may open.", known(self_max_files()));
        WRITE_ONE(e, "process_start_time_seconds", GAUGE, "seconds", "When this process began.",
                  (double) m->self.started / (double) USEC_PER_SEC);
        WRITE_ONE(e, "tooloo_self_cpu_ratio", GAUGE, "ratio", "Share of one core over the last one or two minutes.",
                  ratio < 0 ? NAN : ratio);
        WRITE_ONE(e, "tooloo_self_pss_bytes", GAUGE, "bytes",
                  "Memory of this process with its part of what it shares, looked at once a minute.", known(m->self.pss));
        WRITE_ONE(e, "tooloo_self_dashboard_clients", GAUGE, NULL, "WebSockets that are told of all changes.",
                  m->live.n_clients);
        WRITE_ONE(e, "tooloo_self_dashboard_waiting_bytes", GAUGE, "bytes",
                  "Updates that wait for clients to read them, as if each client had a copy.",
                  (double) live_waiting(&m->live));
        WRITE_ONE(e, "tooloo_self_dashboard_updates_skipped", COUNTER, NULL,
                  "Updates that a client was not sent, for it had not read the one before.", (double) m->live.skipped);
        exposition_family(e, &(MetricFamily) { "tooloo_self_build", FAMILY_INFO, NULL, "Which version this is." });
        exposition_series(e, LABELS({ "version", TL_VERSION }), 1);
}

/* --- All of it --- */

static void write_all(Exposition *e, const Manager *m) {
        write_states(e, m);
        write_service_figures(e, m);
        write_probe_times(e, m);
        write_reloads(e, m);
        write_tally(e, m);
        write_alerts(e, m);
        write_collectors(e, m);
        write_self(e, m);
}

int metrics_http_get(HttpRequest *request, void *state) {
        ExpositionFormat format = exposition_negotiate(http_request_header(request, "Accept"));
        _cleanup_(exposition_freep) Exposition *e = NULL;
        const char *text;
        size_t size;
        int r;

        r = exposition_new(format, &e);
        if (r < 0)
                return r;
        write_all(e, state);
        r = exposition_end(e, &text, &size);
        if (r >= 0)
                r = http_reply_header(request, "Vary", "Accept");
        return r < 0 ? r : http_reply(request, 200, exposition_content_type(format), text, size);
}
