/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/fleet.h"

/* One service as metricsd sees it: its unit, and what the collectors have found out about it. */

typedef enum Health {
        HEALTH_UNKNOWN,  /* it runs, but no probe of this run has been answered or has failed twice */
        HEALTH_HEALTHY,  /* answers 200 in good time */
        HEALTH_DEGRADED, /* runs, but two probes in a row went wrong */
        HEALTH_OFFLINE,  /* its unit is down, or on its way up or down */
} Health;

/* "unknown", "healthy", "degraded", "offline" */
const char *health_to_string(Health health);

#define MEMORY_UNKNOWN UINT64_MAX

typedef struct Member {
        FleetUnit *unit; /* its userdata is this member */

        Health health;
        unsigned failures;   /* probes in a row that went wrong, in this run */
        char *problem;       /* one line, NULL for none */
        double response_ms;  /* how long the last probe took, until its time-out if it had none; negative for none */
        bool answered;       /* the last probe got an answer of HTTP, whichever */
        uint64_t checked_at; /* realtime usec of the end of the last probe, 0 for never */
        uint64_t generation; /* as /health says it, 0 for not known */

        uint64_t memory; /* bytes, MEMORY_UNKNOWN when it does not run */
        double cpu;      /* percent of one core between the last two samples, negative for not known */
} Member;

/* All of these are free of side effects but for the member; true when health, problem or generation are others now. */

/* The probe was answered by HTTP. generation is 0 when the body had none. -ENOMEM leaves the problem without words. */
bool member_answered(Member *m, unsigned status, double response_ms, uint64_t generation, uint64_t now);
/* It was not: why is one line. response_ms is negative where it says nothing, as for a refused connection. */
bool member_failed(Member *m, const char *why, double response_ms, uint64_t now);
/* The unit has changed. */
bool member_follow_unit(Member *m);
