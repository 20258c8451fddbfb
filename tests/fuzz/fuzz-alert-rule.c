/* SPDX-License-Identifier: MIT */

/* Any bytes as the body of a request about rules, silences and triggers: what is accepted is printed and read again, and must
 * be the same then. */

#include <assert.h>
#include <json-c/json_tokener.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "basic/string-util.h"
#include "metricsd/alert/engine.h"
#include "metricsd/alert/field.h"
#include "metricsd/alert/repeated.h"

#define NOW (UINT64_C(1700000000) * USEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool known(const char *id, void *userdata) {
        return true;
}

/* As a request's body is parsed. NULL when it is none. */
static json_object *parse(const char *text, size_t size) {
        json_tokener *tokener = json_tokener_new_ex(32);
        json_object *json;

        assert(tokener);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text, (int) size);
        if (json_tokener_get_error(tokener) != json_tokener_success || json_tokener_get_parse_end(tokener) != size) {
                json_object_put(json);
                json = NULL;
        }
        json_tokener_free(tokener);
        return json;
}

/* What was printed: it must be readable. */
static json_object *reparse(json_object *printed) {
        const char *text = json_object_to_json_string_ext(printed, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        _cleanup_(freep) char *name = NULL;
        json_object *again;

        assert(text);
        again = parse(text, strlen(text));
        assert(again);
        assert(json_find_repeated(text, strlen(text), &name) == 0);
        return again;
}

/* Either nothing is wrong, or one line says what is. */
static void check_problem(int r, const char *problem) {
        assert(r == 0 || r == -EINVAL);
        assert((r == -EINVAL) == (problem != NULL));
        for (; problem && *problem; problem++)
                assert((unsigned char) *problem >= ' ');
}

static void try_rule(json_object *json) {
        _cleanup_(json_object_putp) json_object *printed = NULL, *again = NULL;
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL, *same = NULL;
        _cleanup_(freep) char *problem = NULL, *id = NULL;
        int r = alert_rule_from_json(json, known, NULL, &rule, &problem);

        check_problem(r, problem);
        if (r < 0)
                return;
        id = alert_rule_make_id(rule, 200);
        assert(id && field_id_valid(id));
        printed = alert_rule_to_json(rule);
        assert(printed);
        again = reparse(printed);
        assert(alert_rule_from_json(again, known, NULL, &same, &problem) == 0);
        assert(alert_rule_equal(rule, same));
        assert(streq(rule->description, same->description));
        assert(!rule->id == !same->id && (!rule->id || streq(rule->id, same->id)));
        /* It cannot but end: what does not hold without the margin ends with no value at all. */
        assert(rule->margin == 0 || alert_rule_can_end(rule));
        assert(!alert_rule_holds(rule, __builtin_nan(""), true) && !alert_rule_holds(rule, __builtin_nan(""), false));
}

static void try_silence(json_object *json) {
        _cleanup_(json_object_putp) json_object *printed = NULL, *again = NULL;
        _cleanup_(alert_silence_freep) AlertSilence *silence = NULL, *same = NULL;
        _cleanup_(freep) char *problem = NULL;
        int r = alert_silence_from_request(json, NOW, known, NULL, known, NULL, &silence, &problem);

        check_problem(r, problem);
        if (r < 0)
                return;
        assert(silence->until > NOW && silence->until <= NOW + SILENCE_MAX);
        silence->id = strdup("silence-1");
        printed = alert_silence_to_json(silence);
        assert(printed);
        again = reparse(printed);
        assert(alert_silence_from_json(again, &same, &problem) == 0);
        assert(streq(silence->reason, same->reason));
        assert(silence->until - silence->until % USEC_PER_MSEC == same->until);
        assert(!silence->service == !same->service && !silence->rule == !same->rule);
}

static void try_trigger(json_object *json) {
        _cleanup_(freep) char *problem = NULL;
        AlertTrigger trigger = {};
        int r = alert_trigger_from_json(json, known, NULL, &trigger, &problem);

        check_problem(r, problem);
        if (r >= 0)
                assert(__builtin_isfinite(trigger.value) && trigger.metric < _METRIC_MAX);
}

/* An alert is read from the database alone, where a metricsd of another version may have put it. */
static void try_alert(json_object *json) {
        _cleanup_(json_object_putp) json_object *printed = NULL, *again = NULL, *twice = NULL;
        _cleanup_(alert_freep) Alert *alert = NULL, *same = NULL;

        if (alert_from_json(json, (AlertTime) { NOW, NOW }, &alert) < 0)
                return;
        printed = alert_to_json(alert);
        assert(printed);
        again = reparse(printed);
        assert(alert_from_json(again, (AlertTime) { NOW, NOW }, &same) == 0);
        twice = alert_to_json(same);
        assert(streq(json_object_to_json_string(printed), json_object_to_json_string(twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        _cleanup_(freep) char *name = NULL;

        (void) json_find_repeated((const char *) data, size, &name);
        json = parse((const char *) data, size);
        if (!json)
                return 0;
        try_rule(json);
        try_silence(json);
        try_trigger(json);
        try_alert(json);
        return 0;
}
