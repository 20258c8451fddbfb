/* SPDX-License-Identifier: MIT */
#pragma once

#include "alert-manager.h"
#include "alert/action.h"

/* Shared by the files around the alert engine. */

/* An action that the engine has begun. */
typedef struct Running {
        struct Alerts *alerts;
        unsigned ticket;
        AlertAction action;
        sd_event_source *deadline;
        uint64_t until; /* monotonic usec */
        struct Running *next;
} Running;

struct Alerts {
        Manager *manager;
        AlertEngine *engine;
        AlertActionShared shared;
        Running *running;
        sd_event_source *repeat; /* see alert/repeat.h */
};

/* alert-hooks.c: what the engine asks. userdata is the Alerts. */
extern const AlertHooks alert_hooks;

/* alert-actions.c: as AlertHooks.act and give_up. */
int alerts_act(Alerts *alerts, unsigned ticket, AlertActionRequest *request);
void alerts_give_up(Alerts *alerts, unsigned ticket);
/* Begins to tell again of what is active, once in that many usec. */
int alerts_start_repeating(Alerts *alerts, uint64_t usec);
void alerts_stop_actions(Alerts *alerts);
