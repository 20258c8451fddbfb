/* SPDX-License-Identifier: MIT */
#pragma once

#include "action.h"
#include "alert.h"
#include "book.h"

/* Compares what is measured with the rules, keeps the alerts, and decides on actions. Pure: what time it is comes in,
 * and what it needs of the world it asks through hooks.
 *
 * There is one alert for a metric and a service, with all rules that fire. Of those that change a service the most severe
 * decides on the action, among equals one that names its service, then the one that came first; each rule that notifies
 * does so. The alert is resolved when no rule fires any more. A decision is made again with each value, so what had to
 * wait (another action under way, systemd at work) is carried out later; once an action was begun, the next comes after
 * the rule's cooldown at the earliest.
 *
 * While the fleet as a whole is not well (alert_safety_distrust()) one alert with a `group` stands for all that the health
 * check says of single services: their health, response times and error rates.
 *
 * A service whose dependency is not well is suppressed, in what a dependency can bring about: its alert is there, and
 * nothing is done about it before the dependency has been well for as long as the rule's `for`.
 *
 * A triggered alert (alert_engine_trigger) has nothing that it could be compared with later. It is resolved when its
 * action has succeeded, else after ALERT_TRIGGERED_USEC. A trigger passes over `for`, `cooldown`, suppression, the limit
 * on an unhealthy fleet, and that on what has not helped, and is no try for the latter, for a person asks; all other
 * limits hold for it too.
 *
 * Each alert is put into the history at each change of its state, and from there it goes on in the next metricsd. */
typedef struct AlertEngine AlertEngine;

#define ALERT_HISTORY_MAX 200
#define ALERT_TRIGGERED_MAX 200
#define ALERT_TRIGGERED_USEC (UINT64_C(300) * USEC_PER_SEC)
/* From the start of an action to the first proof of health after it; then it has failed. Unless set otherwise. */
#define ALERT_ACTION_USEC (UINT64_C(30) * USEC_PER_SEC)
/* For a notice, with all its tries; and how many may be under way at a time. A trigger does not wait for one longer than
 * for other actions. */
#define ALERT_NOTICE_USEC (UINT64_C(330) * USEC_PER_SEC)
#define ALERT_NOTICES_MAX 32
/* For so long after the start a value that is missing ends no alert of the metricsd before: a collector may need two
 * samples for its first. */
#define ALERT_SETTLE_USEC (UINT64_C(60) * USEC_PER_SEC)
/* In the book, for an action that is for no one service. No service can have this id. */
#define ALERT_FLEET "fleet"

typedef struct AlertFacts {
        FleetCondition condition;
        const char *failure;       /* as FleetUnit.failure */
        const char *invocation_id; /* "" for not known */
        uint64_t restarted_at;     /* monotonic usec of the last time that systemd restarted it by itself, 0 for never */
        bool is_self;
} AlertFacts;

/* A decision, or an alert's begin or end, for the timeline. */
typedef struct AlertNote {
        EventKind kind;    /* EVENT_ALERT or EVENT_REMEDIATION */
        const char *cause; /* begun, resolved; begun, done, failed, refused */
        const Alert *alert;
        const AlertDeed *deed; /* NULL with EVENT_ALERT */
        const char *reason;    /* why it is refused or has failed; NULL else */
        const char *text;      /* one sentence */
} AlertNote;

/* None of these may call the engine. */
typedef struct AlertHooks {
        /* False when there is no such service. The strings need not last. */
        bool (*facts)(const char *service, AlertFacts *ret, void *userdata);
        /* As in AlertSafety. False while some service that runs has not been heard of yet, and is not counted as unhealthy. */
        bool (*fleet)(unsigned *ret_unhealthy, unsigned *ret_total, void *userdata);
        /* The ids of those that fleet has counted as not healthy. -ENOMEM. */
        int (*unhealthy)(char ***ret_ids, void *userdata);
        /* True when a service that this one needs is itself not well, failed or stopped, and does not in turn need this
         * one; *ret_id is the first such. The string need not last. */
        bool (*dependency)(const char *service, const char **ret_id, void *userdata);
        /* Begins an action; unit is the hook's to fill in. alert_engine_tick() is wanted once request->timeout is over. How
         * the action ended is said by alert_engine_job_over() with the same ticket, later, from the event loop. Negative
         * errno when it could not be begun. */
        int (*act)(unsigned ticket, AlertActionRequest *request, void *userdata);
        /* The answer to act is not waited for any more. */
        void (*give_up)(unsigned ticket, void *userdata);
        /* The health of a service is wanted at once, by alert_engine_observe(). */
        void (*check)(const char *service, void *userdata);
        /* Fills in journal, first_cursor and last_cursor as far as they can be had. */
        void (*evidence)(const char *service, AlertEvidence *evidence, void *userdata);
        /* The last restart, reload or build of the service, or of one that it needs (NULL: of any), within the 10 min before
         * `at` (realtime usec), as alert_to_json() has it; NULL for none. The engine puts. */
        json_object *(*preceded)(const char *service, uint64_t at, void *userdata);
        void (*noted)(const AlertNote *note, void *userdata);
        /* An alert began, ended or changed. */
        void (*changed)(void *userdata);
} AlertHooks;

/* Takes over book, also on failure, and goes on with the alerts that its history holds. hooks must outlive the engine;
 * dependency, evidence, preceded, noted and changed may be NULL. */
int alert_engine_new(AlertBook *book, const AlertHooks *hooks, void *userdata, AlertTime now, AlertEngine **ret);
AlertEngine *alert_engine_free(AlertEngine *engine);
TL_DEFINE_CLEANUP(AlertEngine *, alert_engine_free)

/* Instead of ALERT_ACTION_USEC. For what begins after this. */
void alert_engine_set_action_limit(AlertEngine *engine, uint64_t usec);

/* A new value, to be given at each tick and when something changes. NAN says that there is none at present: then no
 * rule on it holds. */
void alert_engine_observe(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now);
/* To be called at least every few seconds while the services are known, and at each deadline that act was given. */
void alert_engine_tick(AlertEngine *engine, AlertTime now);
/* The service is no longer in the fleet: its alerts are resolved. */
void alert_engine_forget(AlertEngine *engine, const char *service, AlertTime now);
/* The answer to act: problem is NULL for success, else why it failed, in one line. */
void alert_engine_job_over(AlertEngine *engine, unsigned ticket, const char *problem, AlertTime now);

/* As alert_book_...(); alerts follow at once. */
int alert_engine_put_rule(AlertEngine *engine, AlertRule **rule, AlertTime now, const AlertRule **ret_rule);
int alert_engine_delete_rule(AlertEngine *engine, const char *id, AlertTime now);
AlertBook *alert_engine_book(AlertEngine *engine);
/* For alert_rule_from_json() and its like, with the engine as userdata. */
bool alert_engine_knows_service(const char *service, void *engine);
bool alert_engine_knows_rule(const char *id, void *engine);

typedef struct AlertTrigger {
        AlertMetric metric;
        double value;
        const char *service; /* NULL for none. Rules that watch another one are not asked then */
        bool dry_run;        /* says what would be done, and keeps nothing */
} AlertTrigger;

/* Reads {metric, value, service?, dryRun?}; ret->service is valid as long as json. As alert_rule_from_json(). */
int alert_trigger_from_json(json_object *json, alert_service_exists_t exists, void *userdata, AlertTrigger *ret,
                            char **ret_problem);

/* alert is what alert_to_json() says of it now; the callee puts. NULL without memory. */
typedef void (*alert_done_t)(json_object *alert, void *userdata);

/* 0 when no rule matches; 1 with *ret_alert when all is decided; 2 when an action is under way: done is called once
 * when all of them are over, or when the engine is freed, and never from within. -ENOMEM else. */
int alert_engine_trigger(AlertEngine *engine, const AlertTrigger *trigger, AlertTime now, alert_done_t done,
                         void *userdata, json_object **ret_alert);

/* {active[], history[], totalActive, totalHistory}, newest first, at most limit of each. These three: NULL without
 * memory, the caller puts. */
json_object *alert_engine_status_to_json(const AlertEngine *engine, size_t limit);
json_object *alert_engine_active_to_json(const AlertEngine *engine, size_t limit);
/* An array: alert_rule_to_json(), state: "ok", "pending" (holds, but not for as long as `for` says), "firing", "disabled"
 * or "no data yet", and efficacy:[{service, action, tries, helped, off}]. */
json_object *alert_engine_rules_to_json(const AlertEngine *engine);

/* How many alerts of that severity are active. */
size_t alert_engine_active_count(const AlertEngine *engine, AlertSeverity severity);

typedef enum AlertOutcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_REFUSED, _OUTCOME_MAX } AlertOutcome;
/* How often decisions ended so; refusals of one alert for one reason count once. */
uint64_t alert_engine_count(const AlertEngine *engine, AlertActionType action, AlertOutcome outcome);
/* The service that an action that changes one is under way on, from its begin to the proof of health; NULL for none. */
const char *alert_engine_in_flight(const AlertEngine *engine);
