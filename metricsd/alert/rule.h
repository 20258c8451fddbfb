/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

/* What a rule is, and what it is in JSON. It knows no clock, no service and no file. */

typedef enum AlertMetric {
        METRIC_RESPONSE_TIME, /* ms */
        METRIC_HEALTH,        /* 1 healthy, 0.5 degraded, 0 offline */
        METRIC_RESTARTS,      /* automatic ones since metricsd follows the fleet */
        METRIC_MEMORY,        /* bytes */
        METRIC_CPU,           /* percent of one core */
        METRIC_ERROR_RATE,    /* 0..1 */
        METRIC_RELOAD_FAILED, /* 1 after a reload that failed or while an upgrade is held at it, 0 after one that did not */
        METRIC_JOURNAL_ERRORS,
        METRIC_PROVIDER_SUCCESS_RATE,
        METRIC_PROVIDER_LATENCY,
        METRIC_BUDGET_PERCENT,
        _METRIC_MAX,
} AlertMetric;

typedef enum AlertOperator { OP_GT, OP_LT, OP_GE, OP_LE, OP_EQ, OP_NE, _OP_MAX } AlertOperator;

/* In this order: the greater one decides. */
typedef enum AlertSeverity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, _SEVERITY_MAX } AlertSeverity;

typedef enum AlertActionType {
        ACTION_RESTART_SERVICE,
        ACTION_RELOAD_SERVICE,
        ACTION_SWITCH_PROVIDER,
        ACTION_SCALE_UP,
        ACTION_NOTIFY,
        _ACTION_MAX,
} AlertActionType;

const char *alert_metric_to_string(int metric);
const char *alert_operator_to_string(int op);
const char *alert_severity_to_string(int severity);
const char *alert_action_to_string(int action);

#define RULE_DESCRIPTION_MAX ((size_t) 500)
#define RULE_PARAMS_MAX ((size_t) 2048)
/* actionParams.max of scale-up: instances */
#define SCALE_MIN 2
#define SCALE_MAX 32
#define SCALE_DEFAULT 4
#define RULE_DURATION_MAX (UINT64_C(24) * 3600 * USEC_PER_SEC)
#define RULE_COOLDOWN_DEFAULT (UINT64_C(300) * USEC_PER_SEC)

/* How a rule stands with one service that it watches; the engine's. Times are monotonic usec. */
typedef struct AlertWatch {
        char *service;
        double value;   /* the last one, NAN for none */
        bool holds;     /* the condition; while firing, with the margin */
        bool firing;    /* and has for as long as the rule says */
        bool restored;  /* fires since before metricsd began, and no value was there yet */
        uint64_t since; /* with holds */
        struct AlertWatch *next;
} AlertWatch;

typedef struct AlertRule {
        char *id;
        AlertMetric metric;
        AlertOperator op;
        double threshold;
        double margin; /* how far behind the threshold a value must be to end what fires; 0 with == and != */
        AlertSeverity severity;
        AlertActionType action;
        json_object *params; /* actionParams; NULL for none */
        char *service;       /* whom it watches, and acts on; NULL for every service */
        char *description;
        uint64_t hold;     /* for: usec that the condition must hold */
        uint64_t cooldown; /* usec between two actions of this rule on one service */
        bool enabled;
        bool dry_run; /* evaluated and written down, but nothing is done */
        AlertWatch *watches;
} AlertRule;

AlertRule *alert_rule_free(AlertRule *rule);
TL_DEFINE_CLEANUP(AlertRule *, alert_rule_free)

/* Is that a service of the fleet? */
typedef bool (*alert_service_exists_t)(const char *service, void *userdata);

/* rule-read.c: reads a rule and checks every field; `id` may be missing (NULL then). -EINVAL with *ret_problem for a
 * client, see field.h. exists may be NULL: a stored rule outlives its service. What alert_engine_rules_to_json() adds to
 * a rule's own fields is passed over, so that what was read can be changed and sent back. */
int alert_rule_from_json(json_object *json, alert_service_exists_t exists, void *userdata, AlertRule **ret,
                         char **ret_problem);

/* rule-params.c: checks actionParams for the rule's action and puts them into the rule; *ret_service is the serviceId among
 * them, or left alone. */
int rule_read_params(json_object *json, AlertRule *rule, const char **ret_service, char **ret_problem);

/* The fields of the rule, durations in ms. NULL without memory; the caller puts. */
json_object *alert_rule_to_json(const AlertRule *rule);

/* A readable id made of what the rule is about, "service.responseTime-training-restart-service". With n > 1 it ends in
 * "-n". NULL without memory. */
char *alert_rule_make_id(const AlertRule *rule, unsigned n);

/* The same in everything but the id and the description. */
bool alert_rule_equal(const AlertRule *a, const AlertRule *b);

/* firing: it does already, and goes on until the value is the margin away from the threshold. Never for NaN. */
bool alert_rule_holds(const AlertRule *rule, double value, bool firing);
/* What margin is when a rule does not say: a tenth of the threshold for what is measured and wavers, 0 for what is counted,
 * and where a tenth is more than the metric could ever move. */
double alert_rule_default_margin(const AlertRule *rule);
/* Whether any value that the metric can have ends what fires, if only just. */
bool alert_rule_can_end(const AlertRule *rule);

static inline bool alert_rule_watches(const AlertRule *rule, const char *service) {
        return !rule->service || strcmp(rule->service, service) == 0;
}

/* The rules of a first start, as JSON of the same form; end in NULL. */
extern const char *const alert_default_rules[];
