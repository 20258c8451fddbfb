/* SPDX-License-Identifier: MIT */
#pragma once

#include "engine.h"

/* Shared by the files of the engine alone. */

/* One action that is under way. There is at most one that changes a service; notices may be beside it. */
typedef struct Flight {
        unsigned ticket;
        Alert *alert;
        AlertDeed *deed; /* of the alert */
        char *service;   /* acted on; NULL for none */
        bool job_over;   /* it is done; the service's health is waited for */
        bool tells_end;  /* a notice that the alert is over */
        uint64_t begun, until; /* monotonic usec */
        struct Flight *next;
} Flight;

struct AlertEngine {
        AlertBook *book;
        const AlertHooks *hooks;
        void *userdata;
        AlertList active, history; /* newest first */
        size_t n_active, n_triggered, n_history;
        Alert *group;  /* the active alert that stands for the fleet; NULL for none */
        bool distrust; /* as alert_safety_distrust() had it last */
        unsigned unhealthy, total; /* of the fleet, then */
        unsigned last_id, last_ticket;
        Flight *flights;
        uint64_t action_limit; /* usec */
        uint64_t settled; /* monotonic usec: from then on a missing value counts like any other */
        bool unsaved;     /* an alert is */
        bool store_failed; /* tried again at the next tick */
        uint64_t counts[_ACTION_MAX][_OUTCOME_MAX];
};

/* --- alerts.c: the two lists --- */

/* A new active alert about the service (NULL: none that is known) with what is known of it now. NULL without memory. A
 * passing one is in no list: the caller frees it. */
Alert *engine_new_alert(AlertEngine *engine, AlertMetric metric, const char *service, bool by_hand, bool passing,
                        AlertTime now);
/* Puts an alert into its list, behind those that are there. */
void engine_adopt(AlertEngine *engine, Alert *alert);
/* Moves it to the history, and tells whoever was told that it began. */
void engine_resolve(AlertEngine *engine, Alert *alert, AlertTime now);

/* The alert has changed: whoever looks is told, and the history will be. */
void engine_changed(AlertEngine *engine, Alert *alert);
/* Puts what has changed into the history, and forgets what is too long ago. Called at the end of whatever may change
 * something, for it may free alerts that are over. */
void engine_flush(AlertEngine *engine);
/* The answer that a trigger waits for, if it does. */
void engine_answer(Alert *alert);

/* --- watch.c: the rules and their values --- */

AlertWatch *watch_find(const AlertRule *rule, const char *service);
/* There already, or made. NULL without memory. */
AlertWatch *watch_get(AlertRule *rule, const char *service);
void watch_drop(AlertRule *rule, const char *service);
/* Takes the value into account. A missing one leaves a watch alone that was restored and has had none yet, until the engine
 * has settled: 0 then, else 1. -ENOMEM. */
int watch_observe(const AlertEngine *engine, AlertRule *rule, const char *service, double value, AlertTime now);

/* --- engine.c --- */

/* Brings the alert on a metric and a service into line with the rules that fire now. value is the metric's, NAN where
 * nothing new is known. */
int engine_follow(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now);

/* --- group.c: one alert for the fleet --- */

/* Does the health check speak of that metric? */
bool group_is_about(AlertMetric metric);
/* Counts the fleet, and says whether the check is to be distrusted. */
bool group_distrust(AlertEngine *engine, AlertTime now);
/* Begins the fleet's alert, brings it into line, or ends it; then what is still bad gets its own in
 * its time. */
int group_follow(AlertEngine *engine, AlertTime now);

/* --- restore.c --- */

/* Goes on with what the history holds. -ENOMEM alone is an error. */
int engine_restore(AlertEngine *engine, AlertTime now);
/* Alerts and watches of the metricsd before whose service is gone. To be called when the services are known. */
void engine_drop_orphans(AlertEngine *engine, AlertTime now);

/* --- remedy.c: decisions --- */

/* What a set of rules that fire comes to. */
typedef struct Verdict {
        const AlertRule *rule;       /* decides */
        const AlertSilence *silence; /* all of them are silenced; the one that covers `rule` */
        AlertSeverity severity;      /* the greatest of all */
        const AlertRule *notices[BOOK_RULES_MAX]; /* that tell somebody */
        size_t n_notices;
} Verdict;

/* Takes one more rule into account; service is the one of the alert, or of the request. */
void verdict_add(Verdict *v, const AlertEngine *engine, const AlertRule *rule, const char *service, AlertTime now);

/* Writes the verdict into the alert and acts on it. How many actions were begun; -ENOMEM. */
int remedy_decide(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now);
/* The decision against a deed, which is noted unless it was the same the last time. Takes over reason. */
void remedy_refuse(AlertEngine *engine, Alert *alert, AlertDeed *deed, SafetyVerdict verdict, char *reason);
/* What changing a service and telling somebody have in common: *ret stays SAFETY_OK, or a reason comes with it; -ENOMEM. */
int judge_silence(const AlertSilence *silence, SafetyVerdict *ret, char **ret_reason);
int judge_suppression(const Alert *alert, SafetyVerdict *ret, char **ret_reason);
int judge_cooldown(const AlertEngine *engine, const Alert *alert, const AlertRule *rule, AlertTime now,
                   SafetyVerdict *ret, char **ret_reason);
int judge_dry_run(const AlertRule *rule, SafetyVerdict *ret, char **ret_reason);
/* In the book: the service that is acted on, or the fleet. */
const char *alert_key(const Alert *alert);

/* --- notices.c: telling somebody --- */

/* Decides on the notice of a rule that fires. How many were begun; -ENOMEM. */
int notice_decide(AlertEngine *engine, Alert *alert, const AlertRule *rule, AlertTime now);
/* The alert is over: those who were told of it are told that, too. */
void notice_resolved(AlertEngine *engine, Alert *alert, AlertTime now);

/* --- flight.c: what is under way --- */

/* The one that changes a service; NULL for none. */
const Flight *flight_change(const AlertEngine *engine);
unsigned flight_count_notices(const AlertEngine *engine);
/* Begins the deed. 1 when it is under way, 0 when it could not be begun; -ENOMEM. */
int flight_begin(AlertEngine *engine, Alert *alert, AlertDeed *deed, const AlertRule *rule, AlertTime now);
/* Tells those whom the notice has told that the alert is over. */
void flight_tell_end(AlertEngine *engine, Alert *alert, AlertDeed *notice, AlertTime now);
/* The service has proved its health. */
void flight_verified(AlertEngine *engine, const char *service, AlertTime now);
void flight_check_deadlines(AlertEngine *engine, AlertTime now);
/* Is it open whether the last action on that service has helped? Then a missing value says nothing. */
bool flight_is_settling(const AlertEngine *engine, const char *service, AlertTime now);
/* What the last action has come to. */
void flight_helped(AlertEngine *engine, Alert *alert, bool helped);

/* --- notes.c: what is said of it --- */

/* One line in the journal and one event for each begin, end and decision. what is a whole sentence. */
void note_alert(AlertEngine *engine, const Alert *alert, const char *cause, const char *what);
void note_deed(AlertEngine *engine, const Alert *alert, const AlertDeed *deed, const char *cause, const char *reason,
               const char *what);
