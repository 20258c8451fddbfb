/* SPDX-License-Identifier: MIT */
#pragma once

/* The world as the alert engine sees it in its unit tests: what it asks is answered from here, and what it does is noted
 * here. Each test begins without a rule, at 2023-11-14T22:13:20Z. */

#include <criterion/criterion.h>
#include <math.h>

#include "basic/string-util.h"
#include "fake-history.h"
#include "metricsd/alert/engine.h"
#include "metricsd/alert/field.h"

#define SECOND USEC_PER_SEC
#define MINUTE (60 * USEC_PER_SEC)

typedef struct World {
        FleetCondition condition; /* of training, meta, coach and metricsd, and s0, s1, ... */
        uint64_t restarted_at;
        unsigned unhealthy, total; /* the unhealthy are s0, s1, ... */
        bool unknown;              /* not all have been heard of */
        const char *gone;          /* that is no service any more */
        const char *down;          /* what coach needs, while it is not well */
        int act_result;

        unsigned acts;    /* that change a service */
        unsigned writes;  /* to the history before the last of them */
        unsigned notices; /* the others */
        unsigned ends;    /* of these: that an alert is over */
        unsigned checks, given_up, changes, dones;
        unsigned last_ticket, last_notice; /* of the last of each */
        AlertActionType last_action;
        char last_service[32], last_params[256], last_told[32];
        json_object *done_alert;

        unsigned n_notes;
        char notes[2000][80]; /* "alert begun SERVICE", "remediation refused SERVICE: CODE" */
} World;

extern World world;
extern History *history;
extern AlertTime now;
extern AlertEngine *engine;
extern json_object *trigger_result;

void set_up(void);
void tear_down(void);
/* metricsd ends, by kill -9 as far as the history is concerned, and begins again. */
void restart_metricsd(void);

void pass(uint64_t usec);
/* A rule on service.responseTime > 100 that restarts, without a margin, but for what `more` says. */
void add_rule(const char *id, const char *more);
void silence(const char *service, const char *rule, uint64_t span);
void observe(const char *service, double ms);
void observe_health(const char *service, double health);
/* Of the last action that changes a service, or the last notice. */
void job_over(const char *problem);
void notice_over(const char *problem);
/* Its job is done, and the service is healthy. */
void restart_succeeds(const char *service);
int trigger(double value, const char *service, bool dry_run);

size_t n_active(void);
size_t n_history(void);
/* Alert i of the list "active" or "history", the newest first. */
json_object *nth(const char *list, size_t i);
/* A field as text, "" for none. */
const char *text_of(json_object *alert, const char *name);
/* Of the newest alert. */
const char *active(const char *name);
const char *past(const char *name);
/* How many notes begin so. */
unsigned n_notes(const char *begin);
