/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "metrics-internal.h"

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
        { { "systemd_unit_cpu_seconds", FAMILY_COUNTER, "seconds", "CPU time of the unit in its present run." },
          cpu_of },
        { { "systemd_unit_memory_bytes", FAMILY_GAUGE, "bytes", "Memory of the unit." }, memory_of },
        { { "tooloo_service_health", FAMILY_GAUGE, NULL, "1 healthy, 0.5 degraded, 0 offline." }, health_of },
        { { "tooloo_service_generation", FAMILY_GAUGE, NULL,
            "Copy of the module that serves, counted from the start." }, generation_of },
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
        static const MetricFamily family = { "systemd_unit_state", FAMILY_GAUGE, NULL,
                                             "1 for the state that the unit is in." };
        static const char *const states[] = { "active", "reloading", "inactive", "failed", "activating",
                                              "deactivating" };
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

/* Levels are those of syslog(3). What is known to be lost is no line, see /api/v1/metrics/errors. */
static void write_journal(Exposition *e, const Manager *m) {
        static const MetricFamily family = { "tooloo_journal_entries", FAMILY_COUNTER, NULL,
                                             "Lines of the journal, by their level." };
        static const char *const levels[JOURNAL_LEVELS] = { "emerg", "alert", "crit", "err", "warning", "notice", "info",
                                                            "debug" };
        const Watched *w;

        exposition_family(e, &family);
        FOREACH_WATCHED(w, m)
                for (unsigned i = 0; i < JOURNAL_LEVELS; i++)
                        exposition_series(e, SERVICE_LABELS(w, { "level", levels[i] }), (double) w->logged.lines[i]);
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

void metrics_write_services(Exposition *e, const Manager *m) {
        write_states(e, m);
        write_service_figures(e, m);
        write_probe_times(e, m);
        write_reloads(e, m);
        write_journal(e, m);
}
