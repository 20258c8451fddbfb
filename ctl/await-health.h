/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "basic/macro.h"

typedef enum HealthEnd {
        HEALTH_END_WELL,    /* it is healthy, as metricsd finds; where metricsd does not run, it runs */
        HEALTH_END_ILL,     /* it has failed for good, or the time is over */
        HEALTH_END_STOPPED, /* somebody has stopped it, or taken it away */
        HEALTH_END_LOST,    /* systemd cannot be followed: a line has said so */
} HealthEnd;

/* Waits until the service, which was started a moment ago, is healthy. With HEALTH_END_ILL *ret_how says how it stands; the
 * caller frees. */
HealthEnd await_health(const char *id, uint64_t timeout, char **ret_how);
