/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <json-c/json_object.h>

#include "rule.h"
#include "shared/fleet.h"

/* Carries actions out, each from the event loop. Whether and when is decided elsewhere (safety.h, remedy.c): what arrives
 * here is to be done. */

/* What all actions have in common and outlasts each of them; the owner's. */
typedef struct AlertActionShared {
        sd_bus *bus;  /* the user's, attached to an event loop */
        Fleet *fleet; /* who is where; NULL in unit tests */
        /* The rest is for what is told or asked by HTTP or on the desktop; see action-shared.c. */
        struct CurlEvent *curl;
        struct Webhooks *webhooks;
        struct DesktopNotifier *desktop;
        char *instance; /* the name of this machine */
} AlertActionShared;

/* bus and fleet must outlive it; retry_usec as in webhooks_new(). On failure all is as before. */
int alert_action_shared_init(AlertActionShared *shared, sd_bus *bus, Fleet *fleet, uint64_t retry_usec);
/* After each action that was begun was given up. */
void alert_action_shared_done(AlertActionShared *shared);
/* Where people look: the dashboard's address. NULL when no service has it, or without memory; the caller frees. */
char *alert_action_page(const AlertActionShared *shared);

typedef struct AlertActionRequest {
        AlertActionType type;
        const char *service; /* the id of the one to act on; NULL for notify or switch-provider about none */
        const char *unit;    /* of that service; NULL without it */
        json_object *params; /* actionParams of the rule that decided, checked when it was put; NULL for none */
        json_object *alert;  /* what alert_to_json() says of it now, and `description` of the rule; NULL without memory */
        bool resolved;       /* notify alone: the alert is over */
        uint64_t timeout;    /* usec; whoever begins one has a limit of its own, which comes first */
} AlertActionRequest;

/* One action, from its begin to its end; then the next may be begun with it. Several may be under way at once, each in an
 * AlertAction of its own. */
typedef struct AlertAction {
        AlertActionShared *shared;
        /* It is over; problem is NULL for success, else one line that lasts for the call. Never from within
         * alert_action_begin(). May begin the next action, and may free what this lies in. */
        void (*over)(const char *problem, void *userdata);
        void *userdata;

        /* While one is under way: what the kind of action holds, and how that is freed. */
        void *state;
        void (*stop)(void *state);
} AlertAction;

/* Of the request only what must last is copied or referenced. -EBUSY while one is under way; -EOPNOTSUPP for a type that
 * cannot be carried out. */
int alert_action_begin(AlertAction *a, const AlertActionRequest *request);
/* Waits no longer, without a call of over. A job of systemd itself goes on. */
void alert_action_give_up(AlertAction *a);

/* --- For the kinds of action --- */

/* Begins one; sets a->state and a->stop on success alone. restart-service and reload-service are in action.c, each of the
 * others in a file of its own, action-*.c; all stand in the table of action.c. */
typedef int (*alert_action_begin_t)(AlertAction *a, const AlertActionRequest *request);

/* To be called once, when it is over: calls over, and a->stop after that, so that problem may lie in the state. */
void alert_action_over(AlertAction *a, const char *problem);
