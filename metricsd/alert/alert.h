/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <json-c/json_object.h>

#include "clock.h"
#include "rule.h"
#include "safety.h"

/* What was done about an alert, or decided against. An alert has one for the action that changes a service, and one for
 * each rule that tells somebody. */
typedef struct AlertDeed {
        char *rule;          /* the id of the rule; NULL while there is none */
        AlertActionType action;
        json_object *params; /* of that rule, as they were when it was begun; NULL for none */
        bool dry_run;        /* of that rule */
        bool attempted, succeeded, under_way;
        unsigned attempts;
        SafetyVerdict verdict; /* of the last decision */
        char *refused;         /* why the last decision was against it */
        char *problem;         /* why the last attempt failed */
        bool tell_end;         /* a notice: that it is over is to be told once the present one is out */
        struct AlertDeed *next;
} AlertDeed;

/* From the proof of health after an action to the value that says whether it has helped. */
#define ALERT_VERIFY_USEC (UINT64_C(30) * USEC_PER_SEC)

typedef enum AlertHelped { HELPED_UNKNOWN, HELPED_NO, HELPED_YES } AlertHelped;

/* What goes with an alert for whoever asks why, as it was when the alert began. */
typedef struct AlertEvidence {
        char invocation_id[33]; /* of the service's run, "" for not known */
        json_object *journal;   /* its last lines; NULL for none */
        char *first_cursor, *last_cursor; /* of the first and the last of them; NULL for none */
        json_object *preceded;  /* what came just before, see alert_to_json(); NULL for nothing */
} AlertEvidence;

/* One alert: that something was wrong, and what was done about it. */
typedef struct Alert {
        char id[48];
        AlertMetric metric;
        double value;   /* the latest while it is active */
        char *service;  /* NULL when nobody said which, and for the whole fleet */
        char **group;   /* of the whole fleet: the services that are not well (strv); else NULL */
        char **rules;   /* ids of those that fire (strv), or that did when it was resolved */
        char *rule;     /* the id of the one that decides on the action */
        AlertSeverity severity;
        AlertActionType action;
        uint64_t timestamp, resolved_at; /* realtime usec, whole ms; resolved_at is 0 while it is active */
        char *folded_into;               /* the id of the fleet's alert that it became part of; NULL for none */
        bool by_hand;                    /* from a trigger */
        uint64_t ends;                   /* by_hand: monotonic usec */
        bool passing;                    /* a trigger's dry run: says what would be done, and nobody keeps it */

        char *silence;          /* the id of the silence that covers it; NULL for none */
        char *suppressed_by;    /* the id of the service that must be well first; NULL for none */
        uint64_t well_since;    /* with suppressed_by: monotonic usec since that one is well again, 0 while it is not */
        AlertDeed deed;         /* what changes a service */
        AlertDeed *notices;     /* one a rule */
        char *tried;            /* the rule of the last action that changed a service; NULL for none */
        AlertHelped helped;     /* what that has come to */
        uint64_t verify_until;  /* monotonic usec: then it has not helped; 0 when that is no question */
        unsigned flights;       /* actions under way: it is not freed until they are over */

        AlertEvidence evidence;
        bool restored; /* active since before metricsd began, and nothing has been heard of its service yet */
        bool announced; /* its begin was noted */
        bool unsaved;  /* the history does not know all of it */
        void (*done)(json_object *alert, void *userdata); /* a trigger waits for all that is under way; NULL for none */
        void *done_userdata;
        uint64_t done_until; /* with done: monotonic usec: then it is answered what there is */
        TAILQ_ENTRY(Alert) entries;
} Alert;

typedef TAILQ_HEAD(AlertList, Alert) AlertList;

Alert *alert_free(Alert *alert);
TL_DEFINE_CLEANUP(Alert *, alert_free)

/* The one that the fields "remediation..." are about: what changes a service, else the notice of the rule that decides.
 * Never NULL. */
const AlertDeed *alert_deed(const Alert *alert);

/* As GET .../alerts/status says it; NULL without memory, the caller puts:
 *   {id, metric, value, service, rules[], severity, action, timestamp, status:"active|resolved", resolvedAt?,
 *   source:"observed|trigger", decidedBy, group[]?, foldedInto?, silenced, silencedBy?, suppressedBy?,
 *   remediation:"none|under-way|done|failed|refused", remediationAction?, remediationAttempted, remediationSuccess,
 *   remediationAttempts, remediationRefused?, remediationCode?, remediationError?, helped, dryRun?, wouldDo?,
 *   notices:[{rule, state, attempted, success, attempts, refused?, code?, error?}], invocationId, journal[], firstCursor,
 *   lastCursor, precededBy:{kind, at, secondsBefore, service, text}} */
json_object *alert_to_json(const Alert *alert);

/* alert-read.c: reads what alert_to_json() has written. What was under way then has failed, for metricsd has ended
 * meanwhile. -EBADMSG when it is none; -ENOMEM. */
int alert_from_json(json_object *json, AlertTime now, Alert **ret);

/* "restart", "notice": what an action is called in sentences. */
const char *alert_action_noun(AlertActionType action);
