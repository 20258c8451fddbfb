/* SPDX-License-Identifier: MIT */
#include "rule.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "field.h"
#include "foundation/json-util.h"

#define GENERATED_ID_MAX 60 /* leaves room for "-200" */

static const char *const metrics[] = {
        [METRIC_RESPONSE_TIME] = "service.responseTime",
        [METRIC_HEALTH] = "service.health",
        [METRIC_RESTARTS] = "service.restarts",
        [METRIC_MEMORY] = "service.memory",
        [METRIC_CPU] = "service.cpu",
        [METRIC_ERROR_RATE] = "service.errorRate",
        [METRIC_RELOAD_FAILED] = "reload.failed",
        [METRIC_JOURNAL_ERRORS] = "journal.errors",
        [METRIC_PROVIDER_SUCCESS_RATE] = "provider.successRate",
        [METRIC_PROVIDER_LATENCY] = "provider.latency",
        [METRIC_BUDGET_PERCENT] = "budget.percent",
};
static const char *const operators[] = {
        [OP_GT] = ">", [OP_LT] = "<", [OP_GE] = ">=", [OP_LE] = "<=", [OP_EQ] = "==", [OP_NE] = "!=",
};
static const char *const severities[] = {
        [SEVERITY_INFO] = "info",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
};
static const char *const actions[] = {
        [ACTION_RESTART_SERVICE] = "restart-service",
        [ACTION_RELOAD_SERVICE] = "reload-service",
        [ACTION_SWITCH_PROVIDER] = "switch-provider",
        [ACTION_SCALE_UP] = "scale-up",
        [ACTION_NOTIFY] = "notify",
};

/* "offline" is about degraded services, too: what runs and does not answer is degraded, and that alone is for metricsd
 * to repair (what does not run is systemd's, see safety.h). It waits longer than the watchdog of a native
 * service (10 s), a restart and a crash's back-off take: systemd is to have done its part before anybody else acts.
 *
 * "reload-failed" waits, too: while an upgrade replaces modules and programs, an old program rejects a new module and is
 * then restarted.
 *
 * A new one goes to the end: by their number the book knows which of them it has not been given yet, see book.c. */
const char *const alert_default_rules[] = {
        "{\"id\":\"default-response-time\",\"metric\":\"service.responseTime\",\"operator\":\">\",\"threshold\":5000,"
        "\"severity\":\"warning\",\"action\":\"restart-service\",\"for\":10000,"
        "\"description\":\"Restart a service that takes more than 5 s to answer\"}",
        "{\"id\":\"default-offline\",\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1,"
        "\"severity\":\"critical\",\"action\":\"restart-service\",\"for\":15000,"
        "\"description\":\"Restart a service that runs but does not answer\"}",
        "{\"id\":\"default-provider-success\",\"metric\":\"provider.successRate\",\"operator\":\"<\",\"threshold\":0.7,"
        "\"severity\":\"warning\",\"action\":\"switch-provider\",\"for\":60000,"
        "\"description\":\"Switch away from a provider that fails more than 3 of 10 calls\"}",
        "{\"id\":\"default-reload-failed\",\"metric\":\"reload.failed\",\"operator\":\">=\",\"threshold\":1,"
        "\"severity\":\"warning\",\"action\":\"notify\",\"for\":15000,"
        "\"description\":\"Tell of a service that does not run what lies on disk: it was rejected, rolled back or held\"}",
        NULL,
};

const char *alert_metric_to_string(int metric) {
        return metrics[metric];
}

const char *alert_operator_to_string(int op) {
        return operators[op];
}

const char *alert_severity_to_string(int severity) {
        return severities[severity];
}

const char *alert_action_to_string(int action) {
        return actions[action];
}

AlertRule *alert_rule_free(AlertRule *rule) {
        if (!rule)
                return NULL;
        while (rule->watches) {
                AlertWatch *watch = rule->watches;

                rule->watches = watch->next;
                free(watch->service);
                free(watch);
        }
        json_object_put(rule->params);
        free(rule->id);
        free(rule->service);
        free(rule->description);
        free(rule);
        return NULL;
}

json_object *alert_rule_to_json(const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || (rule->id && !json_add(json, "id", json_object_new_string(rule->id))) ||
            !json_add(json, "metric", json_object_new_string(metrics[rule->metric])) ||
            !json_add(json, "operator", json_object_new_string(operators[rule->op])) ||
            !json_add(json, "threshold", field_number_to_json(rule->threshold)) ||
            !json_add(json, "severity", json_object_new_string(severities[rule->severity])) ||
            !json_add(json, "action", json_object_new_string(actions[rule->action])) ||
            !json_add(json, "actionParams", rule->params ? json_object_get(rule->params) : json_object_new_object()) ||
            !json_add(json, "description", json_object_new_string(rule->description)) ||
            (rule->service && !json_add(json, "service", json_object_new_string(rule->service))) ||
            !json_add(json, "for", field_number_to_json((double) rule->hold / (double) USEC_PER_MSEC)) ||
            !json_add(json, "cooldown", field_number_to_json((double) rule->cooldown / (double) USEC_PER_MSEC)) ||
            !json_add(json, "enabled", json_object_new_boolean(rule->enabled)) ||
            !json_add(json, "margin", field_number_to_json(rule->margin)) ||
            !json_add(json, "dryRun", json_object_new_boolean(rule->dry_run)))
                return NULL;
        return TAKE_PTR(json);
}

char *alert_rule_make_id(const AlertRule *rule, unsigned n) {
        _cleanup_(freep) char *id = str_printf("%s-%s%s%s", metrics[rule->metric], rule->service ? rule->service : "",
                                               rule->service ? "-" : "", actions[rule->action]);

        if (!id)
                return NULL;
        if (strlen(id) > GENERATED_ID_MAX)
                id[GENERATED_ID_MAX] = '\0';
        return n > 1 ? str_printf("%s-%u", id, n) : TAKE_PTR(id);
}

static bool equal_or_null(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

bool alert_rule_equal(const AlertRule *a, const AlertRule *b) {
        return a->metric == b->metric && a->op == b->op && a->threshold == b->threshold && a->margin == b->margin &&
               a->severity == b->severity && a->action == b->action && a->hold == b->hold &&
               a->cooldown == b->cooldown && a->enabled == b->enabled && a->dry_run == b->dry_run &&
               equal_or_null(a->service, b->service) && json_object_equal(a->params, b->params);
}

bool alert_rule_holds(const AlertRule *rule, double value, bool firing) {
        double margin = firing ? rule->margin : 0;

        switch (rule->op) {
        case OP_GT:
                return value > rule->threshold - margin;
        case OP_LT:
                return value < rule->threshold + margin;
        case OP_GE:
                return value >= rule->threshold - margin;
        case OP_LE:
                return value <= rule->threshold + margin;
        case OP_EQ:
                return value == rule->threshold;
        case OP_NE:
                /* NaN is no value, and differs from everything. */
                return value == value && value != rule->threshold;
        default:
                return false;
        }
}

static bool is_share(AlertMetric metric) {
        return metric == METRIC_HEALTH || metric == METRIC_ERROR_RATE || metric == METRIC_RELOAD_FAILED ||
               metric == METRIC_PROVIDER_SUCCESS_RATE;
}

/* No metric is ever below 0. */
bool alert_rule_can_end(const AlertRule *rule) {
        double most = is_share(rule->metric) ? 1 : DBL_MAX;

        switch (rule->op) {
        case OP_GT:
                return rule->threshold - rule->margin >= 0;
        case OP_GE:
                return rule->threshold - rule->margin > 0;
        case OP_LT:
                return rule->threshold + rule->margin <= most;
        case OP_LE:
                return rule->threshold + rule->margin < most;
        default:
                return true;
        }
}

static bool wavers(AlertMetric metric) {
        return metric == METRIC_RESPONSE_TIME || metric == METRIC_MEMORY || metric == METRIC_CPU ||
               metric == METRIC_ERROR_RATE || metric == METRIC_PROVIDER_LATENCY || metric == METRIC_BUDGET_PERCENT;
}

double alert_rule_default_margin(const AlertRule *rule) {
        AlertRule with = { .metric = rule->metric, .op = rule->op, .threshold = rule->threshold,
                           .margin = fabs(rule->threshold) / 10 };

        return wavers(rule->metric) && rule->op != OP_EQ && rule->op != OP_NE && alert_rule_can_end(&with) ? with.margin : 0;
}
