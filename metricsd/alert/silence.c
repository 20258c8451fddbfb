/* SPDX-License-Identifier: MIT */
#include "silence.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"
#include "foundation/json-util.h"

#define UNTIL_EXPECTED                                                                                            \
        "until: a date as \"2026-01-31T08:15:30Z\" or a duration as \"2h\" is expected, in the future and at most " \
        "30 days on"

AlertSilence *alert_silence_free(AlertSilence *silence) {
        if (!silence)
                return NULL;
        free(silence->id);
        free(silence->service);
        free(silence->rule);
        free(silence->reason);
        free(silence);
        return NULL;
}

static int read_until(json_object *json, uint64_t now, uint64_t *ret, char **ret_problem) {
        uint64_t date, span = 0;
        json_object *until;
        const char *text = NULL;
        int r;

        if (!field_is_given(json, "until"))
                return field_missing("until", "a date or a duration is expected, for a silence always ends",
                                     ret_problem);
        (void) json_object_object_get_ex(json, "until", &until);
        if (json_object_is_type(until, json_type_string))
                text = json_object_get_string(until);
        if (text && parse_iso8601(text, &date) >= 0) {
                if (date <= now || date - now > SILENCE_MAX)
                        return field_problem(ret_problem, UNTIL_EXPECTED);
                *ret = date;
                return 0;
        }
        r = field_duration(json, "until", SILENCE_MAX, &span, ret_problem);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                free(*ret_problem);
                *ret_problem = NULL;
        }
        if (r < 0 || span == 0)
                return field_problem(ret_problem, UNTIL_EXPECTED);
        *ret = now + span;
        return 0;
}

static int copy(const char *s, char **ret) {
        if (!s)
                return 0;
        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

static int fill(AlertSilence *silence, const char *service, const char *rule, const char *reason) {
        int r;

        r = copy(service, &silence->service);
        if (r >= 0)
                r = copy(rule, &silence->rule);
        return r < 0 ? r : copy(reason, &silence->reason);
}

static int read_words(json_object *json, const char **ret_service, const char **ret_rule, const char **ret_reason,
                      char **ret_problem) {
        int r;

        r = field_text(json, "service", SILENCE_REASON_MAX, ret_service, ret_problem);
        if (r >= 0)
                r = field_id(json, "rule", ret_rule, ret_problem);
        if (r >= 0)
                r = field_text(json, "reason", SILENCE_REASON_MAX, ret_reason, ret_problem);
        if (r < 0)
                return r;
        if (!*ret_reason || !**ret_reason)
                return field_missing("reason", "a few words on why nothing is to be done are expected", ret_problem);
        return 0;
}

int alert_silence_from_request(json_object *json, uint64_t now, alert_known_t service_known, void *service_userdata,
                               alert_known_t rule_known, void *rule_userdata, AlertSilence **ret, char **ret_problem) {
        static const char *const names[] = { "service", "rule", "until", "reason", NULL };
        _cleanup_(alert_silence_freep) AlertSilence *silence = calloc(1, sizeof(AlertSilence));
        const char *service = NULL, *rule = NULL, *reason = NULL;
        int r;

        if (!silence)
                return -ENOMEM;
        if (!json_object_is_type(json, json_type_object))
                return field_problem(ret_problem, "a silence must be an object");
        r = field_check_names(json, names, "a silence", ret_problem);
        if (r >= 0)
                r = read_words(json, &service, &rule, &reason, ret_problem);
        if (r >= 0)
                r = read_until(json, now, &silence->until, ret_problem);
        if (r < 0)
                return r;
        if (service && (!service_id_valid(service) || !service_known(service, service_userdata)))
                return field_problem(ret_problem, "service: the id of a service is expected, such as \"training\", and "
                                                  "there is no \"%.64s\"", service);
        if (rule && !rule_known(rule, rule_userdata))
                return field_problem(ret_problem, "rule: the id of a rule is expected, and there is no \"%s\"", rule);
        r = fill(silence, service, rule, reason);
        if (r < 0)
                return r;
        silence->created = now;
        *ret = TAKE_PTR(silence);
        return 0;
}

static int read_date(json_object *json, const char *name, uint64_t *ret, char **ret_problem) {
        const char *text = NULL;
        int r;

        r = field_text(json, name, ISO8601_MAX, &text, ret_problem);
        if (r < 0)
                return r;
        if (!text || parse_iso8601(text, ret) < 0)
                return field_problem(ret_problem, "%s: a date is expected", name);
        return 0;
}

int alert_silence_from_json(json_object *json, AlertSilence **ret, char **ret_problem) {
        _cleanup_(alert_silence_freep) AlertSilence *silence = calloc(1, sizeof(AlertSilence));
        const char *service = NULL, *rule = NULL, *reason = NULL, *id = NULL;
        int r;

        if (!silence)
                return -ENOMEM;
        if (!json_object_is_type(json, json_type_object))
                return field_problem(ret_problem, "a silence must be an object");
        r = read_words(json, &service, &rule, &reason, ret_problem);
        if (r >= 0)
                r = field_id(json, "id", &id, ret_problem);
        if (r >= 0 && !id)
                r = field_missing("id", FIELD_ID_EXPECTED, ret_problem);
        if (r >= 0)
                r = read_date(json, "created", &silence->created, ret_problem);
        if (r >= 0)
                r = read_date(json, "until", &silence->until, ret_problem);
        if (r >= 0)
                r = fill(silence, service, rule, reason);
        if (r >= 0)
                r = copy(id, &silence->id);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(silence);
        return 0;
}

json_object *alert_silence_to_json(const AlertSilence *silence) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        char created[ISO8601_MAX], until[ISO8601_MAX];

        if (!json || (silence->id && !json_add(json, "id", json_object_new_string(silence->id))) ||
            (silence->service && !json_add(json, "service", json_object_new_string(silence->service))) ||
            (silence->rule && !json_add(json, "rule", json_object_new_string(silence->rule))) ||
            !json_add(json, "created", json_object_new_string(format_iso8601(created, silence->created))) ||
            !json_add(json, "until", json_object_new_string(format_iso8601(until, silence->until))) ||
            !json_add(json, "reason", json_object_new_string(silence->reason)))
                return NULL;
        return TAKE_PTR(json);
}

bool alert_silence_covers(const AlertSilence *silence, const char *rule, const char *service, uint64_t now) {
        if (now >= silence->until)
                return false;
        if (silence->service && (!service || !streq(silence->service, service)))
                return false;
        return !silence->rule || streq(silence->rule, rule);
}
