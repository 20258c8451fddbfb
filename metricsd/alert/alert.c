/* SPDX-License-Identifier: MIT */
#include "alert.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"
#include "foundation/json-util.h"
#include "shared/strv.h"

Alert *alert_free(Alert *alert) {
        if (!alert)
                return NULL;
        strv_free(alert->rules);
        json_object_put(alert->journal);
        free(alert->service);
        free(alert->rule);
        free(alert->silence);
        free(alert->refused);
        free(alert->problem);
        free(alert);
        return NULL;
}

const char *alert_action_verb(AlertActionType action) {
        switch (action) {
        case ACTION_RESTART_SERVICE:
                return "restart";
        case ACTION_RELOAD_SERVICE:
                return "reload";
        default:
                return alert_action_to_string(action);
        }
}

static json_object *strings_to_json(char *const *l) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        STRV_FOREACH(s, (char **) l) {
                json_object *text = json_object_new_string(*s);

                if (!array || !text || json_object_array_add(array, text) < 0) {
                        json_object_put(text);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

static bool add_text(json_object *json, const char *name, const char *text) {
        return !text || !*text || json_add(json, name, json_object_new_string(text));
}

static bool add_date(json_object *json, const char *name, uint64_t realtime) {
        char buf[ISO8601_MAX];

        return realtime == 0 || add_text(json, name, format_iso8601(buf, realtime));
}

static bool add_what(json_object *json, const Alert *a) {
        return json_add(json, "id", json_object_new_string(a->id)) &&
               json_add(json, "metric", json_object_new_string(alert_metric_to_string(a->metric))) &&
               json_add(json, "value", field_number_to_json(a->value)) &&
               json_add(json, "service", a->service ? json_object_new_string(a->service) : NULL) &&
               json_add(json, "rules", strings_to_json(a->rules)) && add_text(json, "decidedBy", a->rule) &&
               json_add(json, "severity", json_object_new_string(alert_severity_to_string(a->severity))) &&
               json_add(json, "action", json_object_new_string(alert_action_to_string(a->action))) &&
               add_date(json, "timestamp", a->timestamp) &&
               add_text(json, "status", a->resolved_at > 0 ? "resolved" : "active") &&
               add_date(json, "resolvedAt", a->resolved_at) &&
               add_text(json, "source", a->by_hand ? "trigger" : "observed");
}

static const char *remediation_word(const Alert *a) {
        if (a->under_way)
                return "under-way";
        if (a->refused)
                return "refused";
        if (a->attempted)
                return a->succeeded ? "done" : "failed";
        return "none";
}

static bool add_deed(json_object *json, const Alert *a) {
        _cleanup_(freep) char *would = NULL;

        if (a->dry_run && !a->refused) {
                would = str_printf("%s %s", alert_action_verb(a->action), a->service);
                if (!would)
                        return false;
        }
        return json_add(json, "silenced", json_object_new_boolean(a->silence != NULL)) &&
               add_text(json, "silencedBy", a->silence) && add_text(json, "remediation", remediation_word(a)) &&
               json_add(json, "remediationAttempted", json_object_new_boolean(a->attempted)) &&
               json_add(json, "remediationSuccess", json_object_new_boolean(a->succeeded)) &&
               json_add(json, "remediationAttempts", json_object_new_int64(a->attempts)) &&
               add_text(json, "remediationRefused", a->refused) && add_text(json, "remediationError", a->problem) &&
               (!a->dry_run || json_add(json, "dryRun", json_object_new_boolean(true))) &&
               add_text(json, "wouldDo", would);
}

json_object *alert_to_json(const Alert *alert) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !add_what(json, alert) || !add_deed(json, alert) ||
            !json_add(json, "invocationId",
                      *alert->invocation_id ? json_object_new_string(alert->invocation_id) : NULL) ||
            !json_add(json, "journal", alert->journal ? json_object_get(alert->journal) : json_object_new_array()))
                return NULL;
        return TAKE_PTR(json);
}
