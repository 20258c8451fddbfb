/* SPDX-License-Identifier: MIT */
#pragma once

#include "action.h"

/* The kinds of action that have a file of their own; see alert_action_begin_t. */

/* action-notify.c. It is over when everybody whom the rule names was told, or cannot be: after ALERT_NOTIFY_USEC at the
 * latest, whatever the request's timeout says. */
int action_notify_begin(AlertAction *action, const AlertActionRequest *request);
#define ALERT_NOTIFY_USEC (UINT64_C(320) * USEC_PER_SEC)

int action_switch_provider_begin(AlertAction *action, const AlertActionRequest *request);
int action_scale_up_begin(AlertAction *action, const AlertActionRequest *request);
