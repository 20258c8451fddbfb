/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/fleet.h"

/* What "toolooctl wait" waits for. Pure. */

typedef enum WaitGoal { WAIT_HEALTHY, WAIT_RUNNING, WAIT_STOPPED, WAIT_INVALID = -22 } WaitGoal;

/* WAIT_INVALID, which is -EINVAL, for anything else. */
WaitGoal wait_goal_from_string(const char *s);
const char *wait_goal_to_string(WaitGoal goal);

typedef enum WaitVerdict {
        WAIT_NOT_YET,
        WAIT_REACHED,
        WAIT_NEVER, /* not without a person: failed for good, or masked */
} WaitVerdict;

/* health is metricsd's word for the run that unit is in; NULL while that is not known. A unit whose reason for its failure
 * is not known yet has not failed yet. */
WaitVerdict wait_judge(WaitGoal goal, const FleetUnit *unit, const char *health);

/* How it stands, for the line that ends a wait in vain: "running, degraded: answers 500". problem may be NULL. The caller
 * frees; NULL without memory. */
char *wait_describe(const FleetUnit *unit, const char *health, const char *problem);
