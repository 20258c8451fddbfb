/* SPDX-License-Identifier: MIT */
#pragma once

#include "alert.h"
#include "book.h"

/* Compares what is measured with the rules, keeps the alerts, and decides on actions. Pure: what time it is comes in,
 * and what it needs of the world it asks through hooks.
 *
 * There is one alert for a metric and a service, with all rules that fire; the most severe of them decides on the
 * action, among equals one that names its service, then the one that came first. The alert is resolved when no rule
 * fires any more. A decision is made again with each value, so what had to wait (another action under way, systemd at
 * work) is carried out later; once an action was begun, the next comes after the rule's cooldown at the earliest.
 *
 * A triggered alert (alert_engine_trigger) has nothing that it could be compared with later. It is resolved when its
 * action has succeeded, else after ALERT_TRIGGERED_USEC. A trigger passes over `for` and `cooldown` and over the limit
 * on an unhealthy fleet, for a person asks; all other limits hold for it too. */
typedef struct AlertEngine AlertEngine;

#define ALERT_HISTORY_MAX 200
#define ALERT_TRIGGERED_MAX 200
#define ALERT_TRIGGERED_USEC (UINT64_C(300) * USEC_PER_SEC)
/* From the start of an action to the first proof of health after it; then it has failed. */
#define ALERT_ACTION_USEC (UINT64_C(30) * USEC_PER_SEC)

typedef struct AlertFacts {
        FleetCondition condition;
        const char *failure;       /* as FleetUnit.failure */
        const char *invocation_id; /* "" for not known */
        bool is_self;
} AlertFacts;

/* None of these may call the engine. */
typedef struct AlertHooks {
        /* False when there is no such service. The strings need not last. */
        bool (*facts)(const char *service, AlertFacts *ret, void *userdata);
        /* As in AlertSafety. */
        void (*fleet)(unsigned *ret_unhealthy, unsigned *ret_total, void *userdata);
        /* Begins an action, one at a time. How it ended is said by alert_engine_job_over(), later, from the event loop.
         * Negative errno when it could not be begun. */
        int (*act)(AlertActionType action, const char *service, void *userdata);
        /* The answer to act is not waited for any more. */
        void (*give_up)(void *userdata);
        /* The health of a service is wanted at once, by alert_engine_observe(). */
        void (*check)(const char *service, void *userdata);
        /* The last lines of a service's journal, an array that the engine puts; NULL for none. */
        json_object *(*journal)(const char *service, void *userdata);
        /* An alert began, ended or changed. */
        void (*changed)(void *userdata);
} AlertHooks;

/* Takes over book, also on failure. hooks must outlive the engine. journal and changed may be NULL. */
int alert_engine_new(AlertBook *book, const AlertHooks *hooks, void *userdata, AlertEngine **ret);
AlertEngine *alert_engine_free(AlertEngine *engine);
TL_DEFINE_CLEANUP(AlertEngine *, alert_engine_free)

/* A new value, to be given at each tick and when something changes. NAN says that there is none at present: then no
 * rule on it holds. */
void alert_engine_observe(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now);
/* To be called at least every few seconds, and ALERT_ACTION_USEC after act. */
void alert_engine_tick(AlertEngine *engine, AlertTime now);
/* The service is no longer in the fleet: its alerts are resolved. */
void alert_engine_forget(AlertEngine *engine, const char *service, AlertTime now);
/* The answer to act: problem is NULL for success, else why it failed, in one line. */
void alert_engine_job_over(AlertEngine *engine, const char *problem, AlertTime now);

/* As alert_book_...(); alerts follow at once. */
int alert_engine_put_rule(AlertEngine *engine, AlertRule **rule, AlertTime now, const AlertRule **ret_rule);
int alert_engine_delete_rule(AlertEngine *engine, const char *id, AlertTime now);
AlertBook *alert_engine_book(AlertEngine *engine);
/* The service that an action is under way on; NULL for none. */
const char *alert_engine_in_flight(const AlertEngine *engine);
/* For alert_rule_from_json() and its like, with the engine as userdata. */
bool alert_engine_knows_service(const char *service, void *engine);
bool alert_engine_knows_rule(const char *id, void *engine);

typedef struct AlertTrigger {
        AlertMetric metric;
        double value;
        const char *service; /* NULL for none. Rules that watch another one are not asked then */
        bool dry_run;        /* says what would be done, and keeps nothing */
} AlertTrigger;

/* alert is what alert_to_json() says of it now; the callee puts. NULL without memory. */
typedef void (*alert_done_t)(json_object *alert, void *userdata);

/* 0 when no rule matches; 1 with *ret_alert when all is decided; 2 when an action is under way: done is called once
 * when it is over, or when the engine is freed, and never from within. -ENOMEM else. */
int alert_engine_trigger(AlertEngine *engine, const AlertTrigger *trigger, AlertTime now, alert_done_t done,
                         void *userdata, json_object **ret_alert);

/* {active[], history[], totalActive, totalHistory}, newest first, at most limit of each. These three: NULL without
 * memory, the caller puts. */
json_object *alert_engine_status_to_json(const AlertEngine *engine, size_t limit);
json_object *alert_engine_active_to_json(const AlertEngine *engine, size_t limit);
/* An array: alert_rule_to_json(), and state: "ok", "pending" (holds, but not for as long as `for` says), "firing",
 * "disabled" or "no data yet". */
json_object *alert_engine_rules_to_json(const AlertEngine *engine);

/* How many alerts of that severity are active. */
size_t alert_engine_active_count(const AlertEngine *engine, AlertSeverity severity);

typedef enum AlertOutcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_REFUSED, _OUTCOME_MAX } AlertOutcome;
/* How often decisions ended so; refusals of one alert for one reason count once. */
uint64_t alert_engine_count(const AlertEngine *engine, AlertActionType action, AlertOutcome outcome);
