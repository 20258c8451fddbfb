/* SPDX-License-Identifier: MIT */
#include "rule.h"

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
 * service (10 s), a restart and a crash's back-off take: systemd is to have done its part before anybody else acts. */
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

static int read_words(json_object *json, AlertRule *rule, char **ret_problem) {
        int metric = -1, op = -1, severity = -1, action = -1, r;

        r = field_word(json, "metric", alert_metric_to_string, _METRIC_MAX, &metric, ret_problem);
        if (r >= 0)
                r = field_word(json, "operator", alert_operator_to_string, _OP_MAX, &op, ret_problem);
        if (r >= 0)
                r = field_word(json, "severity", alert_severity_to_string, _SEVERITY_MAX, &severity, ret_problem);
        if (r >= 0)
                r = field_word(json, "action", alert_action_to_string, _ACTION_MAX, &action, ret_problem);
        if (r < 0)
                return r;
        if (metric < 0)
                return field_missing("metric", "a metric as \"service.responseTime\" is expected", ret_problem);
        if (op < 0)
                return field_missing("operator", "one of > < >= <= == != is expected", ret_problem);
        if (severity < 0)
                return field_missing("severity", "info, warning or critical is expected", ret_problem);
        if (action < 0)
                return field_missing("action", "an action as \"restart-service\" is expected", ret_problem);
        rule->metric = (AlertMetric) metric;
        rule->op = (AlertOperator) op;
        rule->severity = (AlertSeverity) severity;
        rule->action = (AlertActionType) action;
        return 0;
}

static int read_numbers(json_object *json, AlertRule *rule, char **ret_problem) {
        int r;

        if (!field_is_given(json, "threshold"))
                return field_missing("threshold", "a number is expected", ret_problem);
        r = field_number(json, "threshold", &rule->threshold, ret_problem);
        if (r >= 0)
                r = field_duration(json, "for", RULE_DURATION_MAX, &rule->hold, ret_problem);
        if (r >= 0)
                r = field_duration(json, "cooldown", RULE_DURATION_MAX, &rule->cooldown, ret_problem);
        return r < 0 ? r : field_bool(json, "enabled", &rule->enabled, ret_problem);
}

/* actionParams, and the service that they name. */
static int read_params(json_object *json, AlertRule *rule, const char **ret_service, char **ret_problem) {
        static const char *const names[] = { "serviceId", NULL };
        json_object *params;
        size_t size;
        int r;

        if (!field_is_given(json, "actionParams"))
                return 0;
        (void) json_object_object_get_ex(json, "actionParams", &params);
        if (!json_object_is_type(params, json_type_object))
                return field_problem(ret_problem, "actionParams: an object is expected");
        if (!json_object_to_json_string_length(params, JSON_C_TO_STRING_PLAIN, &size))
                return -ENOMEM;
        if (size > RULE_PARAMS_MAX)
                return field_problem(ret_problem, "actionParams: at most %zu bytes are expected, not %zu",
                                     RULE_PARAMS_MAX, size);
        /* "serviceID" for "serviceId" would make it a rule that restarts every service. */
        if (rule->action == ACTION_RESTART_SERVICE || rule->action == ACTION_RELOAD_SERVICE) {
                r = field_check_names(params, names, "the actionParams of restart-service and reload-service",
                                      ret_problem);
                if (r < 0)
                        return r;
        }
        if (json_object_object_length(params) > 0)
                rule->params = json_object_get(params);
        if (!field_is_given(params, "serviceId"))
                return 0;
        r = field_text(params, "serviceId", RULE_DESCRIPTION_MAX, ret_service, ret_problem);
        return r == -EINVAL ? str_replace_printf(ret_problem, "actionParams.%s", *ret_problem) < 0 ? -ENOMEM : r : r;
}

static int read_service(json_object *json, alert_service_exists_t exists, void *userdata, AlertRule *rule,
                        char **ret_problem) {
        const char *by_params = NULL, *by_field = NULL, *service;
        int r;

        r = read_params(json, rule, &by_params, ret_problem);
        if (r < 0)
                return r;
        r = field_text(json, "service", RULE_DESCRIPTION_MAX, &by_field, ret_problem);
        if (r < 0)
                return r;
        if (by_params && by_field && !streq(by_params, by_field))
                return field_problem(ret_problem, "service: \"%.64s\" is not the service that actionParams.serviceId "
                                                  "names; one and the same is expected", by_field);
        service = by_field ? by_field : by_params;
        if (!service)
                return 0;
        if (!service_id_valid(service) || (exists && !exists(service, userdata)))
                return field_problem(ret_problem,
                                     "%s: the id of a service is expected, such as \"training\", and there is no "
                                     "\"%.64s\"",
                                     by_field ? "service" : "actionParams.serviceId", service);
        rule->service = strdup(service);
        return rule->service ? 0 : -ENOMEM;
}

static int read_texts(json_object *json, AlertRule *rule, char **ret_problem) {
        const char *id = NULL, *description = "";
        int r;

        r = field_id(json, "id", &id, ret_problem);
        if (r >= 0)
                r = field_text(json, "description", RULE_DESCRIPTION_MAX, &description, ret_problem);
        if (r < 0)
                return r;
        rule->description = strdup(description);
        rule->id = id ? strdup(id) : NULL;
        return rule->description && (!id || rule->id) ? 0 : -ENOMEM;
}

int alert_rule_from_json(json_object *json, alert_service_exists_t exists, void *userdata, AlertRule **ret,
                         char **ret_problem) {
        static const char *const names[] = {
                "metric", "operator", "threshold", "severity", "action", "actionParams", "description", "service",
                "for", "cooldown", "enabled", "id",
                /* What GET says of it. */
                "state", NULL,
        };
        _cleanup_(alert_rule_freep) AlertRule *rule = calloc(1, sizeof(AlertRule));
        int r;

        if (!rule)
                return -ENOMEM;
        rule->cooldown = RULE_COOLDOWN_DEFAULT;
        rule->enabled = true;
        if (!json_object_is_type(json, json_type_object))
                return field_problem(ret_problem, "a rule must be an object");
        r = field_check_names(json, names, "a rule", ret_problem);
        if (r >= 0)
                r = read_words(json, rule, ret_problem);
        if (r >= 0)
                r = read_numbers(json, rule, ret_problem);
        if (r >= 0)
                r = read_service(json, exists, userdata, rule, ret_problem);
        if (r >= 0)
                r = read_texts(json, rule, ret_problem);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rule);
        return 0;
}

json_object *alert_rule_to_json(const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !json_add(json, "id", json_object_new_string(rule->id ? rule->id : "")) ||
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
            !json_add(json, "enabled", json_object_new_boolean(rule->enabled)))
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
        return a->metric == b->metric && a->op == b->op && a->threshold == b->threshold && a->severity == b->severity &&
               a->action == b->action && a->hold == b->hold && a->cooldown == b->cooldown && a->enabled == b->enabled &&
               equal_or_null(a->service, b->service) && json_object_equal(a->params, b->params);
}

bool alert_rule_holds(const AlertRule *rule, double value) {
        switch (rule->op) {
        case OP_GT:
                return value > rule->threshold;
        case OP_LT:
                return value < rule->threshold;
        case OP_GE:
                return value >= rule->threshold;
        case OP_LE:
                return value <= rule->threshold;
        case OP_EQ:
                return value == rule->threshold;
        case OP_NE:
                /* NaN is no value, and differs from everything. */
                return value == value && value != rule->threshold;
        default:
                return false;
        }
}
