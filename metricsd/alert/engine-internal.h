/* SPDX-License-Identifier: MIT */
#pragma once

#include "engine.h"

/* Shared by the files of the engine alone. */

/* The one action that is under way. alert is set while there is one, and is not dropped from the history until then. */
typedef struct Flight {
        Alert *alert;
        char *service;
        bool job_over;  /* systemd is done; health is waited for */
        uint64_t begun; /* monotonic usec */
        alert_done_t done;
        void *done_userdata;
} Flight;

struct AlertEngine {
        AlertBook *book;
        const AlertHooks *hooks;
        void *userdata;
        AlertList active, history; /* newest first */
        size_t n_active, n_triggered, n_history;
        unsigned last_id;
        Flight flight;
        uint64_t counts[_ACTION_MAX][_OUTCOME_MAX];
};

/* --- engine.c --- */

/* A new active alert about the service (NULL: none that is known) with what is known of it now. NULL without memory. A
 * dry run is in no list: the caller frees it. */
Alert *engine_new_alert(AlertEngine *engine, AlertMetric metric, const char *service, bool by_hand, bool dry_run,
                        AlertTime now);
/* Moves it to the history. */
void engine_resolve(AlertEngine *engine, Alert *alert, AlertTime now);
void engine_changed(AlertEngine *engine);

/* --- remedy.c --- */

/* What a set of rules that fire comes to. */
typedef struct Verdict {
        const AlertRule *rule; /* decides */
        const AlertSilence *silence; /* all of them are silenced; the one that covers `rule` */
        AlertSeverity severity; /* the greatest of all */
} Verdict;

/* Takes one more rule into account; service is the one of the alert, or of the request. */
void verdict_add(Verdict *v, const AlertEngine *engine, const AlertRule *rule, const char *service, AlertTime now);

/* Writes the verdict into the alert and acts on it. 1 when an action was begun, else 0; -ENOMEM. */
int remedy_decide(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now);
/* The action's service has proved its health. */
void remedy_verified(AlertEngine *engine, const char *service, AlertTime now);
void remedy_check_deadline(AlertEngine *engine, AlertTime now);
