/* SPDX-License-Identifier: MIT */
#pragma once

#include "action.h"
#include "engine.h"

/* An Alertmanager takes an alert for resolved that it has not heard of for five minutes (its resolve_timeout), and has
 * forgotten all after a restart. So it is told again and again of those that are active, and that it has taken: all of
 * them in one message. */
#define ALERT_REPEAT_USEC (UINT64_C(60) * USEC_PER_SEC)

/* To be called once in that time. -ENOMEM. */
int alert_repeat(AlertEngine *engine, const AlertActionShared *shared);
