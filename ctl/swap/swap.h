/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/ctl.h"
#include "instance.h"
#include "serve.h"

/* toolooctl-swap: new code for a service at a socket, without a refused or a dropped connection; and replicas of it. */

/* What a run knows of the service that it works on. */
typedef struct Swap {
        Ctl *ctl;
        Turn *turn;
        const Service *s;
        InstanceStates instances;  /* as they were found */
        uint64_t timeout;          /* for a trial to become healthy: TimeoutStartSec= */
        uint64_t patience;         /* for code that was healthy on trial; usec */
        uint64_t begun;
} Swap;

/* The verb that reload becomes for services with OnChange=swap; and scale. */
int swap_services(Ctl *ctl);
int verb_scale(Ctl *ctl);

/* Takes the service's lock, waiting for whoever has it, finds out how things are after that, and does the work with the lock
 * held. What it returns, and what the work returns, is an exit status, after a line when it is not CTL_OK. */
typedef int (*swap_work_t)(Swap *swap, void *userdata);
int swap_run(Ctl *ctl, const char *id, swap_work_t work, void *userdata);

static inline const char *swap_health_path(const Swap *swap) {
        return swap->s->settings.health_path ? swap->s->settings.health_path : "/health";
}

/* True, after a line, when somebody has stopped the service since: what then ended is no fault of its code. */
bool swap_was_stopped(const Swap *swap);

/* --- Steps. Each returns an exit status and has said what went wrong ---------------------------------------------- */

/* Starts the new code apart and stops it again; CTL_OK when it was healthy. Sets patience. */
int trial_run(Swap *swap);

/* Takes away what a run that was killed has left of a trial. */
int trial_clean(const Swap *swap);

/* Gives each process of the service its new code while another one serves. */
int hand_over(Swap *swap);

/* One job for these units, those that are NULL left out. Negative errno after a line. */
int swap_jobs(const Swap *swap, UnitVerb verb, const char *const *units, size_t n);
