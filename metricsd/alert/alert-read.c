/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "alert.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"
#include "shared/strv.h"

#define ENDED "metricsd ended meanwhile"

/* What metricsd has written it reads; what is missing of it, or of another type, was not there then. */

static json_object *get(json_object *json, const char *name, json_type type) {
        json_object *value;

        return json_object_object_get_ex(json, name, &value) && json_object_is_type(value, type) ? value : NULL;
}

/* "" for none; valid as long as json. */
static const char *text(json_object *json, const char *name) {
        json_object *value = get(json, name, json_type_string);

        return value ? json_object_get_string(value) : "";
}

static int copy_text(json_object *json, const char *name, char **ret) {
        const char *s = text(json, name);

        return *s ? str_replace(ret, s) : 0;
}

static bool flag(json_object *json, const char *name) {
        json_object *value = get(json, name, json_type_boolean);

        return value && json_object_get_boolean(value);
}

static int copy_strings(json_object *json, const char *name, char ***ret) {
        json_object *array = get(json, name, json_type_array);
        int r = 0;

        for (size_t i = 0; array && i < json_object_array_length(array) && r >= 0; i++) {
                json_object *s = json_object_array_get_idx(array, i);

                if (json_object_is_type(s, json_type_string))
                        r = strv_extend(ret, json_object_get_string(s));
        }
        return r;
}

static uint64_t date(json_object *json, const char *name) {
        uint64_t usec = 0;

        return parse_iso8601(text(json, name), &usec) < 0 ? 0 : usec;
}

/* -1 for none of the words. */
static int word(json_object *json, const char *name, field_word_t to_string, int n) {
        const char *s = text(json, name);
        int i = 0;

        while (i < n && !streq(to_string(i), s))
                i++;
        return i < n ? i : -1;
}

static int read_what(json_object *json, Alert *a) {
        int metric = word(json, "metric", alert_metric_to_string, _METRIC_MAX);
        int severity = word(json, "severity", alert_severity_to_string, _SEVERITY_MAX);
        int action = word(json, "action", alert_action_to_string, _ACTION_MAX), r;
        json_object *value;

        if (metric < 0 || severity < 0 || strlen(text(json, "id")) >= sizeof(a->id) || !*text(json, "id"))
                return -EBADMSG;
        (void) snprintf(a->id, sizeof(a->id), "%s", text(json, "id"));
        a->metric = (AlertMetric) metric;
        a->severity = (AlertSeverity) severity;
        a->action = action < 0 ? ACTION_NOTIFY : (AlertActionType) action; /* that of the fleet has none */
        a->value = json_object_object_get_ex(json, "value", &value) ? json_object_get_double(value) : 0;
        a->timestamp = date(json, "timestamp");
        a->resolved_at = date(json, "resolvedAt");
        a->by_hand = streq(text(json, "source"), "trigger");
        if (a->timestamp == 0)
                return -EBADMSG;
        r = copy_text(json, "service", &a->service);
        if (r >= 0)
                r = copy_strings(json, "group", &a->group);
        if (r >= 0)
                r = copy_strings(json, "rules", &a->rules);
        if (r >= 0)
                r = copy_text(json, "decidedBy", &a->rule);
        if (r >= 0)
                r = copy_text(json, "foldedInto", &a->folded_into);
        return r;
}

typedef struct DeedNames {
        const char *attempted, *success, *attempts, *refused, *code, *problem, *state;
} DeedNames;

static int read_deed(json_object *json, const DeedNames *names, AlertDeed *d) {
        json_object *attempts = get(json, names->attempts, json_type_int);
        int r;

        d->attempted = flag(json, names->attempted);
        d->succeeded = flag(json, names->success);
        d->attempts = attempts ? (unsigned) json_object_get_int(attempts) : 0;
        d->verdict = safety_verdict_from_string(text(json, names->code));
        d->dry_run = d->verdict == SAFETY_DRY_RUN || flag(json, "dryRun");
        r = copy_text(json, names->refused, &d->refused);
        if (r >= 0)
                r = copy_text(json, names->problem, &d->problem);
        if (r >= 0 && streq(text(json, names->state), "under-way"))
                r = str_replace(&d->problem, ENDED);
        return r;
}

static int read_main_deed(json_object *json, Alert *a) {
        static const DeedNames names = { "remediationAttempted", "remediationSuccess", "remediationAttempts",
                                         "remediationRefused", "remediationCode", "remediationError", "remediation" };
        int action = word(json, "remediationAction", alert_action_to_string, _ACTION_MAX), r;

        /* Of one without a rule nothing follows. */
        if (!a->rule || (!a->group && (action < 0 || action == ACTION_NOTIFY)))
                return 0;
        a->deed.action = action < 0 ? ACTION_NOTIFY : (AlertActionType) action;
        r = copy_text(json, "decidedBy", &a->deed.rule);
        return r < 0 ? r : read_deed(json, &names, &a->deed);
}

static int read_notices(json_object *json, Alert *a) {
        static const DeedNames names = { "attempted", "success", "attempts", "refused", "code", "error", "state" };
        json_object *array = get(json, "notices", json_type_array);
        AlertDeed **end = &a->notices;
        int r = 0;

        for (size_t i = 0; array && i < json_object_array_length(array) && r >= 0; i++) {
                json_object *notice = json_object_array_get_idx(array, i);

                if (!*text(notice, "rule"))
                        continue;
                *end = calloc(1, sizeof(AlertDeed));
                if (!*end)
                        return -ENOMEM;
                (*end)->action = ACTION_NOTIFY;
                r = copy_text(notice, "rule", &(*end)->rule);
                if (r >= 0)
                        r = read_deed(notice, &names, *end);
                end = &(*end)->next;
        }
        return r;
}

static int read_evidence(json_object *json, AlertEvidence *e) {
        int r;

        (void) snprintf(e->invocation_id, sizeof(e->invocation_id), "%s", text(json, "invocationId"));
        e->journal = json_object_get(get(json, "journal", json_type_array));
        e->preceded = json_object_get(get(json, "precededBy", json_type_object));
        r = copy_text(json, "firstCursor", &e->first_cursor);
        return r < 0 ? r : copy_text(json, "lastCursor", &e->last_cursor);
}

/* What it had come to when metricsd ended. */
static int read_helped(json_object *json, Alert *a, AlertTime now) {
        json_object *helped = get(json, "helped", json_type_boolean);

        if (a->deed.attempted && str_replace(&a->tried, a->deed.rule) < 0)
                return -ENOMEM;
        if (helped)
                a->helped = json_object_get_boolean(helped) ? HELPED_YES : HELPED_NO;
        else if (a->deed.attempted && !a->deed.succeeded)
                a->helped = HELPED_NO;
        else if (a->deed.attempted && a->resolved_at == 0)
                a->verify_until = now.monotonic + ALERT_VERIFY_USEC;
        return 0;
}

int alert_from_json(json_object *json, AlertTime now, Alert **ret) {
        _cleanup_(alert_freep) Alert *a = NULL;
        int r;

        if (!json_object_is_type(json, json_type_object))
                return -EBADMSG;
        a = calloc(1, sizeof(Alert));
        if (!a)
                return -ENOMEM;
        r = read_what(json, a);
        if (r >= 0)
                r = read_main_deed(json, a);
        if (r >= 0)
                r = read_notices(json, a);
        if (r >= 0)
                r = read_evidence(json, &a->evidence);
        if (r >= 0)
                r = copy_text(json, "silencedBy", &a->silence);
        if (r >= 0)
                r = copy_text(json, "suppressedBy", &a->suppressed_by);
        if (r >= 0)
                r = read_helped(json, a, now);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}
