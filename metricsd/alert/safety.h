/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rule.h"
#include "shared/fleet.h"

/* May this action be carried out now? Pure: all that the answer rests on comes in. systemd restarts what is dead;
 * metricsd repairs what runs and yet does not work, so an action is for a service that runs, and never fights a person
 * or systemd. */

#define SAFETY_ACTIONS_MAX 3
#define SAFETY_WINDOW (UINT64_C(30) * 60 * USEC_PER_SEC)
/* What systemd has just started again it may be about to start again: five in so long and it gives up by itself. */
#define SAFETY_CRASH_WINDOW (UINT64_C(30) * USEC_PER_SEC)

/* More than this many services that are not well are likely to have one cause, or the check is wrong: then no service is
 * acted on. One that is ill alone is not the fleet, however small that is. */
#define SAFETY_UNHEALTHY_PERCENT 40
#define SAFETY_UNHEALTHY_MIN 2
/* That is over once no more than these are left, so that one that wavers does not turn it on and off. */
#define SAFETY_WELL_PERCENT 30

/* Is the check to be distrusted? was: it has been so far. */
bool alert_safety_distrust(unsigned unhealthy, unsigned total, bool was);

typedef struct AlertSafety {
        AlertActionType action;  /* any but notify, which changes no service */
        const char *service;     /* the one to act on; NULL for none that is named */
        bool known;              /* it is in the fleet, and what follows is true */
        bool is_self;            /* it is metricsd */
        FleetCondition condition;
        const char *failure;     /* with FLEET_FAILED: why; "" for not known */
        uint64_t restarted;      /* usec since systemd has restarted it by itself; UINT64_MAX for never */
        const char *in_flight;   /* the service that an action is in flight on; NULL for none */
        unsigned recent;         /* actions on the service within SAFETY_WINDOW */
        const char *recent_ends; /* with recent: the date when the first of them no longer counts */
        bool distrust;           /* as alert_safety_distrust() has it */
        unsigned unhealthy;      /* services that are not well; one that was stopped on purpose is not among them */
        unsigned total;          /* all services */
        bool by_hand;            /* a person's trigger: fires also while much of the fleet is unhealthy or right after a
                                  * crash, for that person sees more of it than this does, and asked for this one action
                                  * alone */
} AlertSafety;

/* A change of the verdict is worth a line in the journal; a change of the words for it is not. */
typedef enum SafetyVerdict {
        SAFETY_OK,
        SAFETY_NO_SERVICE,
        SAFETY_UNKNOWN_SERVICE,
        SAFETY_SELF,
        SAFETY_STOPPED,
        SAFETY_ASLEEP,
        SAFETY_CHANGING,
        SAFETY_CRASHED,
        SAFETY_FAILED,
        SAFETY_NEEDS_A_PERSON,
        SAFETY_FLEET_UNHEALTHY,
        SAFETY_BUSY,
        /* The engine's own. */
        SAFETY_SILENCED,
        SAFETY_SUPPRESSED,
        SAFETY_COOLDOWN,
        SAFETY_SWITCHED_OFF,
        SAFETY_DRY_RUN,
        _SAFETY_MAX,
} SafetyVerdict;

/* "fleet-unhealthy", for programs; NULL for SAFETY_OK. */
const char *safety_verdict_to_string(int verdict);
/* SAFETY_OK for a word that is none of them. */
SafetyVerdict safety_verdict_from_string(const char *word);

/* *ret_reason is one line on why not, NULL for SAFETY_OK; the caller frees. -ENOMEM alone is an error. */
int alert_safety_judge(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason);
