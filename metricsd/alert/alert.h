/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <json-c/json_object.h>

#include "rule.h"
#include "safety.h"

/* One alert: that something was wrong, and what was done about it. */
typedef struct Alert {
        char id[48];
        AlertMetric metric;
        double value;   /* the latest while it is active */
        char *service;  /* NULL when nobody said which */
        char **rules;   /* ids of those that fire (strv), or that did when it was resolved */
        char *rule;     /* the id of the one that decides on the action */
        AlertSeverity severity;
        AlertActionType action;
        uint64_t timestamp, resolved_at; /* realtime usec; resolved_at is 0 while it is active */
        bool by_hand;                    /* from a trigger */
        uint64_t ends;                   /* by_hand: monotonic usec */
        bool dry_run;

        char *silence; /* the id of the silence that covers it; NULL for none */
        bool attempted, succeeded, under_way;
        unsigned attempts;
        SafetyVerdict verdict; /* of the last decision */
        char *refused;         /* why the last decision was against it */
        char *problem;         /* why the last attempt failed */

        char invocation_id[33]; /* of the service's run when it began, "" for not known */
        json_object *journal;   /* its last lines then; NULL for none */
        TAILQ_ENTRY(Alert) entries;
} Alert;

typedef TAILQ_HEAD(AlertList, Alert) AlertList;

Alert *alert_free(Alert *alert);
TL_DEFINE_CLEANUP(Alert *, alert_free)

/* As GET .../alerts/status says it; NULL without memory, the caller puts:
 *   {id, metric, value, service?, rules[], severity, action, timestamp, status:"active|resolved", resolvedAt?, source:
 *   "observed|trigger", decidedBy, silencedBy?, remediation:"none|under-way|done|failed|refused", remediationAttempted,
 *   remediationSuccess, remediationAttempts, remediationRefused?, remediationError?, invocationId?, journal[], dryRun?,
 *   wouldDo?} */
json_object *alert_to_json(const Alert *alert);

/* "restart", "reload": what an action does to a service, for sentences. */
const char *alert_action_verb(AlertActionType action);
