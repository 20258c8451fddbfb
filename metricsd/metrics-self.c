/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "metrics-internal.h"

/* --- Its collectors --- */

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
                        exposition_series(e, LABELS({ "collector", account->name }),
                                          collector_families[i].value(account));
        }
}

/* --- Itself --- */

static void write_one(Exposition *e, const MetricFamily *family, double value) {
        exposition_family(e, family);
        exposition_series(e, NO_LABELS, value);
}

#define WRITE_ONE(e, name, type, unit, help, value) \
        write_one(e, &(MetricFamily) { name, FAMILY_##type, unit, help }, value)

/* Named as every exporter has them. */
static void write_process(Exposition *e, const Manager *m) {
        SelfSize size;

        self_size(&size);
        WRITE_ONE(e, "process_cpu_seconds", COUNTER, "seconds", "CPU time of this process.",
                  (double) self_cpu() / NSEC_PER_SEC);
        WRITE_ONE(e, "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory of this process.",
                  known(size.resident));
        WRITE_ONE(e, "process_virtual_memory_bytes", GAUGE, "bytes", "Address space of this process.",
                  known(size.virtual));
        WRITE_ONE(e, "process_open_fds", GAUGE, NULL, "Open descriptors of this process.", known(self_open_files()));
        WRITE_ONE(e, "process_max_fds", GAUGE, NULL, "Descriptors that this process may open.",
                  known(self_max_files()));
        WRITE_ONE(e, "process_start_time_seconds", GAUGE, "seconds", "When this process began.",
                  (double) m->self.started / (double) USEC_PER_SEC);
}

static void write_own(Exposition *e, const Manager *m) {
        double ratio = self_cpu_ratio(&m->self);

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

static void write_history(Exposition *e, Manager *m) {
        const HistoryFigures *f = manager_figures(m);

        WRITE_ONE(e, "tooloo_history_success", GAUGE, NULL, "1 unless nothing is being kept at present.",
                  !history_problem(m->history));
        if (!f)
                return;
        WRITE_ONE(e, "tooloo_history_file_bytes", GAUGE, "bytes", "The database and its log.", (double) f->file_bytes);
        WRITE_ONE(e, "tooloo_history_blob_bytes", GAUGE, "bytes", "Samples in the database, packed.",
                  (double) f->blob_bytes);
        WRITE_ONE(e, "tooloo_history_rollup_bytes", GAUGE, "bytes", "Figures of minutes and hours beside them.",
                  (double) f->rollup_bytes);
        WRITE_ONE(e, "tooloo_history_samples", GAUGE, NULL, "Samples that are packed.", (double) f->samples);
        WRITE_ONE(e, "tooloo_history_ticks", GAUGE, NULL, "Ticks that are not packed yet.", (double) f->ticks);
        WRITE_ONE(e, "tooloo_history_ticks_lost", COUNTER, NULL, "Ticks that could not be written.",
                  (double) f->ticks_lost);
}

void metrics_write_self(Exposition *e, Manager *m) {
        write_collectors(e, m);
        write_history(e, m);
        write_process(e, m);
        write_own(e, m);
}
