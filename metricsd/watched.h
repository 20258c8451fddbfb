/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "condition.h"
#include "journal/tally.h"
#include "probe-times.h"
#include "shared/fleet.h"
#include "shared/unit-usage.h"

/* One service as metricsd sees it: its unit, and what the collectors have found out about it. */

typedef enum Health {
        HEALTH_UNKNOWN,  /* it runs, but in this run no probe was answered, nor have two gone wrong */
        HEALTH_HEALTHY,  /* answers 200 in good time */
        HEALTH_DEGRADED, /* runs, but the last two probes went wrong */
        HEALTH_OFFLINE,  /* its unit is down, or on its way up or down */
} Health;

/* "unknown", "healthy", "degraded", "offline" */
const char *health_to_string(Health health);

/* A probe that was answered later than this went wrong: API.md has work of more than a second done by jobs. */
#define PROBE_SLOW_MS 1000.0
/* So many probes in a row have to go wrong: one is as likely to be a busy machine's fault. */
#define PROBE_FAILURES 2

/* Of its own unit. */
#define METRICSD_ID "metricsd"

#define MEMORY_UNKNOWN UINT64_MAX
#define CPU_TIME_UNKNOWN UINT64_MAX

/* How a reload ended; the last: the service came up with the last good module in place of the new one. */
typedef enum ReloadOutcome { RELOAD_RELOADED, RELOAD_REJECTED, RELOAD_ROLLED_BACK, _RELOAD_OUTCOME_MAX } ReloadOutcome;

/* "reloaded", "rejected", "rolled-back": as the service host says it */
const char *reload_outcome_to_string(ReloadOutcome outcome);

typedef struct Watched {
        FleetUnit *unit; /* its userdata is this */

        Health health;
        unsigned failures;   /* probes in a row that went wrong, in this run */
        bool self;           /* metricsd's own unit: it need not ask to know that it answers */
        bool answered;       /* the last probe of this run got an answer of HTTP, whichever */
        char *problem;       /* one line, NULL for none */
        double response_ms;  /* how long the last probe of this run took, or waited in vain; negative for none */
        uint64_t checked_at; /* realtime usec of the end of the last probe, 0 for never */
        uint64_t generation; /* as /health says it, 0 for not known */
        double error_rate;   /* errors a request, 0..1, between the last two probes; negative for no request or not known */

        uint64_t memory; /* bytes, MEMORY_UNKNOWN when it does not run or nobody says */
        MemorySource memory_source;
        int reload_failed; /* 1: this run's last reload was rejected or rolled back, 0: it was not, -1 for not known */
        double cpu;      /* percent of one core between the last two samples, negative for not known */
        uint64_t cpu_time; /* nsec in this run so far, CPU_TIME_UNKNOWN for not known */

        /* Since metricsd watches it, whichever its runs. */
        ProbeTimes probe_times;
        uint64_t probe_failures; /* probes that went wrong */
        uint64_t reloads[_RELOAD_OUTCOME_MAX];

        /* What it looked like when its unit was last followed. */
        bool running;
        char run[33]; /* its invocation id */
        char active_state[16], sub_state[24];
        uint64_t restarts;
        uint64_t requests, errors; /* at the last probe of this run that said them, UINT64_MAX for none */

        uint64_t starting_since; /* monotonic usec: systemd has started its process and waits for READY=1; 0 for no */
        bool early_answer;       /* it has answered meanwhile */
        bool port_looked;        /* it has failed, and who has its port was asked for */
        Condition condition;
        char *explanation; /* of the condition, one sentence for people; NULL with CONDITION_OK */
        char *port_taken;  /* who has its port, one clause; NULL for nobody else */

        JournalTally logged;
        char *logged_cursor;       /* of its newest line in the journal, NULL for none */
        char logged_run[33];       /* the run that it said last to begin, and when: realtime usec, 0 for not heard */
        uint64_t logged_run_at;
        uint64_t logged_reload_at; /* its last reload in the same way */

        uint64_t judged_at; /* checked_at of the last probe that the alert engine was told of */
        uint64_t judged_restarts, restarted_at; /* so many it has heard of, the last at (monotonic usec, 0 for none) */

        struct Probe *probe; /* the probing collector's */
        struct Past *past;   /* the timeline's */
        struct ReloadWatch *reload_watch; /* the reload collector's */
        struct Usage *usage; /* the usage collector's */
} Watched;

int watched_new(FleetUnit *unit, bool self, Watched **ret);
Watched *watched_free(Watched *w);
TL_DEFINE_CLEANUP(Watched *, watched_free)

/* What has become different, any number of these. */
typedef enum WatchedChange {
        WATCHED_NEWS = 1 << 0,     /* something that whoever looks at the dashboard should see at once */
        WATCHED_HEALTH = 1 << 1,   /* health or problem */
        WATCHED_NEW_RUN = 1 << 2,  /* it runs, and is another process than before */
        WATCHED_RELOADED = 1 << 3, /* a reload has ended */
        WATCHED_SETTINGS = 1 << 4, /* its unit file was read (again) */
} WatchedChange;

/* What a probe has brought. */
typedef struct ProbeResult {
        unsigned status;     /* of HTTP, 0 for none */
        const char *why;     /* status 0: why, one line; else what the body gives as reason, NULL for nothing */
        double response_ms;  /* negative where it says nothing, as for a refused connection */
        uint64_t generation; /* 0 for none in the body */
        /* So far; UINT64_MAX where the body does not say. */
        uint64_t requests, errors;
        uint64_t at;         /* realtime usec */
} ProbeResult;

/* The unit has changed, in whatever. */
unsigned watched_follow_unit(Watched *w);
/* It was asked while systemd waits for its READY=1: has it answered? */
unsigned watched_take_early_answer(Watched *w, bool answered);
/* Only while it runs. */
unsigned watched_take_probe(Watched *w, const ProbeResult *result);
