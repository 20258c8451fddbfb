/* SPDX-License-Identifier: MIT */
#include "alert.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"
#include "foundation/json-util.h"
#include "shared/strv.h"

static void deed_done(AlertDeed *deed) {
        free(deed->rule);
        json_object_put(deed->params);
        free(deed->refused);
        free(deed->problem);
}

static void evidence_done(AlertEvidence *evidence) {
        json_object_put(evidence->journal);
        free(evidence->first_cursor);
        free(evidence->last_cursor);
        json_object_put(evidence->preceded);
}

Alert *alert_free(Alert *alert) {
        if (!alert)
                return NULL;
        while (alert->notices) {
                AlertDeed *notice = alert->notices;

                alert->notices = notice->next;
                deed_done(notice);
                free(notice);
        }
        deed_done(&alert->deed);
        evidence_done(&alert->evidence);
        strv_free(alert->group);
        strv_free(alert->rules);
        free(alert->service);
        free(alert->rule);
        free(alert->folded_into);
        free(alert->silence);
        free(alert->suppressed_by);
        free(alert->tried);
        free(alert);
        return NULL;
}

const AlertDeed *alert_deed(const Alert *alert) {
        const AlertDeed *notice = alert->notices;

        if (alert->deed.attempted || alert->action != ACTION_NOTIFY || alert->group)
                return &alert->deed;
        while (notice && !(alert->rule && streq(notice->rule, alert->rule)))
                notice = notice->next;
        return notice ? notice : &alert->deed;
}

const char *alert_action_noun(AlertActionType action) {
        static const char *const nouns[_ACTION_MAX] = {
                [ACTION_RESTART_SERVICE] = "restart",
                [ACTION_RELOAD_SERVICE] = "reload",
                [ACTION_SWITCH_PROVIDER] = "switch of the provider",
                [ACTION_SCALE_UP] = "scale-up",
                [ACTION_NOTIFY] = "notice",
        };

        return nouns[action];
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

/* null where there is none. */
static bool add_text_or_null(json_object *json, const char *name, const char *text) {
        return json_add(json, name, text && *text ? json_object_new_string(text) : NULL);
}

static bool add_bool(json_object *json, const char *name, bool value) {
        return json_add(json, name, json_object_new_boolean(value));
}

static bool add_date(json_object *json, const char *name, uint64_t realtime) {
        char buf[ISO8601_MAX];

        return realtime == 0 || add_text(json, name, format_iso8601(buf, realtime));
}

static bool add_what(json_object *json, const Alert *a) {
        return json_add(json, "id", json_object_new_string(a->id)) &&
               json_add(json, "metric", json_object_new_string(alert_metric_to_string(a->metric))) &&
               json_add(json, "value", field_number_to_json(a->value)) &&
               add_text_or_null(json, "service", a->service) &&
               (!a->group || json_add(json, "group", strings_to_json(a->group))) &&
               json_add(json, "rules", strings_to_json(a->rules)) && add_text(json, "decidedBy", a->rule) &&
               json_add(json, "severity", json_object_new_string(alert_severity_to_string(a->severity))) &&
               json_add(json, "action", json_object_new_string(a->group ? "none" : alert_action_to_string(a->action))) &&
               add_date(json, "timestamp", a->timestamp) &&
               add_text(json, "status", a->resolved_at > 0 ? "resolved" : "active") &&
               add_date(json, "resolvedAt", a->resolved_at) && add_text(json, "foldedInto", a->folded_into) &&
               add_text(json, "source", a->by_hand ? "trigger" : "observed");
}

static const char *deed_word(const AlertDeed *d) {
        if (d->under_way)
                return "under-way";
        if (d->refused)
                return "refused";
        if (d->attempted)
                return d->succeeded ? "done" : "failed";
        return "none";
}

static char *what_it_would_do(const Alert *a, const AlertDeed *d) {
        return d->action == ACTION_NOTIFY || !a->service ? str_printf("%s", alert_action_noun(d->action))
                                                         : str_printf("%s %s", alert_action_noun(d->action), a->service);
}

/* Of a trigger's dry run, or of a rule that is one. */
static bool add_dry_run(json_object *json, const Alert *a, const AlertDeed *d) {
        _cleanup_(freep) char *would = NULL;

        if (!a->passing && !d->dry_run)
                return true;
        if (!add_bool(json, "dryRun", true))
                return false;
        if (d->refused && d->verdict != SAFETY_DRY_RUN)
                return true;
        would = what_it_would_do(a, d);
        return would && add_text(json, "wouldDo", would);
}

static bool add_deed(json_object *json, const Alert *a, const AlertDeed *d) {
        return add_bool(json, "silenced", a->silence != NULL) && add_text(json, "silencedBy", a->silence) &&
               add_text(json, "suppressedBy", a->suppressed_by) && add_text(json, "remediation", deed_word(d)) &&
               (!d->rule || add_text(json, "remediationAction", alert_action_to_string(d->action))) &&
               add_bool(json, "remediationAttempted", d->attempted) &&
               add_bool(json, "remediationSuccess", d->succeeded) &&
               json_add(json, "remediationAttempts", json_object_new_int64(d->attempts)) &&
               add_text(json, "remediationRefused", d->refused) &&
               (!d->refused || add_text(json, "remediationCode", safety_verdict_to_string(d->verdict))) &&
               add_text(json, "remediationError", d->problem) &&
               json_add(json, "helped",
                        a->helped == HELPED_UNKNOWN ? NULL : json_object_new_boolean(a->helped == HELPED_YES)) &&
               add_dry_run(json, a, d);
}

static json_object *message_to_json(const AlertDeed *n) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !add_text(json, "rule", n->rule) || !add_text(json, "state", deed_word(n)) ||
            !add_bool(json, "attempted", n->attempted) || !add_bool(json, "success", n->succeeded) ||
            !json_add(json, "attempts", json_object_new_int64(n->attempts)) || !add_text(json, "refused", n->refused) ||
            (n->refused && !add_text(json, "code", safety_verdict_to_string(n->verdict))) ||
            !add_text(json, "error", n->problem))
                return NULL;
        return TAKE_PTR(json);
}

static json_object *notices_to_json(const Alert *a) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (const AlertDeed *n = a->notices; array && n; n = n->next) {
                json_object *notice = message_to_json(n);

                if (!notice || json_object_array_add(array, notice) < 0) {
                        json_object_put(notice);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

static bool add_evidence(json_object *json, const AlertEvidence *e) {
        return add_text_or_null(json, "invocationId", e->invocation_id) &&
               json_add(json, "journal", e->journal ? json_object_get(e->journal) : json_object_new_array()) &&
               add_text_or_null(json, "firstCursor", e->first_cursor) &&
               add_text_or_null(json, "lastCursor", e->last_cursor) &&
               json_add(json, "precededBy", e->preceded ? json_object_get(e->preceded) : NULL);
}

json_object *alert_to_json(const Alert *alert) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        const AlertDeed *deed = alert_deed(alert);

        if (!json || !add_what(json, alert) || !add_deed(json, alert, deed) ||
            !json_add(json, "notices", notices_to_json(alert)) || !add_evidence(json, &alert->evidence))
                return NULL;
        return TAKE_PTR(json);
}
