/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

#include "rule.h"
#include "shared/unit-jobs.h"

/* Carries an action out: one job of systemd at a time, from the event loop. */
typedef struct AlertAction {
        sd_bus *bus; /* attached to an event loop */
        /* The job is over; problem is NULL for success. Never from within alert_action_begin(). */
        void (*over)(const char *problem, void *userdata);
        void *userdata;
        UnitJobs *jobs; /* while one is waited for */
} AlertAction;

/* type is ACTION_RESTART_SERVICE or ACTION_RELOAD_SERVICE; timeout in usec. A unit that does not run stays as it is. */
int alert_action_begin(AlertAction *a, AlertActionType type, const char *unit, uint64_t timeout);
/* Waits no longer, without a call of over. The job itself goes on. */
void alert_action_give_up(AlertAction *a);
