/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "basic/string-util.h"
#include "runs.h"
#include "shared/host-status.h"
#include "shared/registry.h"
#include "shared/unit-usage.h"
#include "shared/upgrade-hold.h"

/* What "status" shows of one service: table, block and JSON are all made from this. */
typedef struct ServiceStatus {
        const Service *service; /* the registry's */
        uint32_t pid;           /* 0 for none */
        uint32_t restarts;
        unsigned instances;     /* processes at its socket that run, itself included, without a trial */
        uint64_t active_since;  /* monotonic usec, 0 when it is not active */
        uint64_t uptime;        /* usec */
        uint64_t memory;        /* bytes */
        MemorySource memory_source;
        char *status_text;
        HostStatus host;
        char *health;         /* metricsd's word for it; NULL when it is not known */
        double response_ms;   /* of metricsd's last probe; negative for none */
        char *health_problem; /* what that probe found; NULL for nothing */
        char *change_state;   /* active state of tooloo-reload@ID.service, NULL where watchd does not follow its files */
        char *problem;        /* one line, NULL for none */
} ServiceStatus;

#define BUILD_WATCHER_FAILED "Build watcher failed"

/* What tooloo-watchd says of the last build, or why it has given up; status NULL when it was stopped. */
typedef struct BuildStatus {
        char *active_state;
        char *status;
} BuildStatus;

/* All that "status" shows. */
typedef struct StatusReport {
        ServiceStatus *services; /* in the order asked for */
        size_t n;
        BuildStatus build;
        bool health_known;    /* metricsd runs and has answered */
        bool brief;           /* to be set before: what only JSON and a single service show is not asked for */
        Runs runs;            /* may be asked for before; what it has systemd is not asked for */
        UpgradeHold hold;     /* service NULL when no upgrade is held */
        char *health_trouble; /* one line when it runs and has not, else NULL */
} StatusReport;

/* Asks systemd, the hosts and metricsd about n services at once. The caller frees with status_report_done(), also after
 * a failure. */
int service_status_query(sd_bus *bus, const Service *const *services, size_t n, StatusReport *ret);
void status_report_done(StatusReport *report);

/* The state in one word for people: running, stopped, failed, masked, starting, restarting, ... A constant or one of
 * the service's strings. */
const char *service_state_word(const Service *s);

/* "reloading" serves as well as "active" does. */
static inline bool service_is_active(const Service *s) {
        return s->active_state && (streq(s->active_state, "active") || streq(s->active_state, "reloading"));
}

static inline bool build_has_failed(const BuildStatus *b) {
        return b->status && (startswith(b->status, "Build failed") || startswith(b->status, "Publishing failed") ||
                             startswith(b->status, BUILD_WATCHER_FAILED));
}
