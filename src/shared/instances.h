/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "basic/string-util.h"
#include "shared/bus-util.h"

/* Units tooloo-ID@NAME.service: further processes of a service at the service's own socket. NAME is "next" and "trial" during
 * a swap, and a number from 2 on for a replica. They are no services of their own. */

#define INSTANCE_NEXT_NAME "next"
#define INSTANCE_TRIAL_NAME "trial"

#define INSTANCES_MAX 16 /* of a service, itself included */

typedef struct InstanceState {
        char *unit;
        char *id;
        char *name;
        char *active_state;
        char *sub_state;
} InstanceState;

typedef struct InstanceStates {
        InstanceState *items; /* those that systemd has loaded, by unit */
        size_t n;
} InstanceStates;

void instance_states_done(InstanceStates *l);

/* Of all services. Waits for the answer. */
int instance_states_query(sd_bus *bus, InstanceStates *ret);

/* The same within a batch; l, all zero before, must outlive it. */
int instance_states_ask(BusBatch *batch, InstanceStates *l);

/* How many of the service's instances serve beside it: those that are active, but for a trial's. */
unsigned instance_count(const InstanceStates *l, const char *id);

/* NULL when systemd has none of that name. */
const InstanceState *instance_find(const InstanceStates *l, const char *id, const char *name);

/* True while it has a process, or is about to. */
static inline bool instance_runs(const InstanceState *i) {
        return i && !streq(i->active_state, "inactive") && !streq(i->active_state, "failed");
}

/* The number of a replica, 0 for what is none. */
unsigned instance_number(const InstanceState *i);
