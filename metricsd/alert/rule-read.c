/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "field.h"
#include "rule.h"

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

static int read_margin(json_object *json, AlertRule *rule, char **ret_problem) {
        bool directed = rule->op != OP_EQ && rule->op != OP_NE;
        int r;

        rule->margin = alert_rule_default_margin(rule);
        r = field_number(json, "margin", &rule->margin, ret_problem);
        if (r < 0)
                return r;
        if (rule->margin < 0)
                return field_problem(ret_problem, "margin: a number of at least 0 is expected");
        if (rule->margin > 0 && !directed)
                return field_problem(ret_problem, "margin: 0 is expected with %s, which has no side to come back to",
                                     alert_operator_to_string(rule->op));
        if (rule->margin > 0 && !alert_rule_can_end(rule))
                return field_problem(ret_problem, "margin: less is expected, for with it no value of %s would end the alert",
                                     alert_metric_to_string(rule->metric));
        return 0;
}

static int read_numbers(json_object *json, AlertRule *rule, char **ret_problem) {
        int r;

        if (!field_is_given(json, "threshold"))
                return field_missing("threshold", "a number is expected", ret_problem);
        r = field_number(json, "threshold", &rule->threshold, ret_problem);
        if (r >= 0)
                r = read_margin(json, rule, ret_problem);
        if (r >= 0)
                r = field_duration(json, "for", RULE_DURATION_MAX, &rule->hold, ret_problem);
        if (r >= 0)
                r = field_duration(json, "cooldown", RULE_DURATION_MAX, &rule->cooldown, ret_problem);
        if (r >= 0)
                r = field_bool(json, "enabled", &rule->enabled, ret_problem);
        return r < 0 ? r : field_bool(json, "dryRun", &rule->dry_run, ret_problem);
}

static int read_service(json_object *json, alert_service_exists_t exists, void *userdata, AlertRule *rule,
                        char **ret_problem) {
        const char *by_params = NULL, *by_field = NULL, *service;
        int r;

        r = rule_read_params(json, rule, &by_params, ret_problem);
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
                "for", "cooldown", "enabled", "id", "margin", "dryRun",
                /* What GET says of it. */
                "state", "efficacy", NULL,
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
