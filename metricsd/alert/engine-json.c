/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "basic/string-util.h"
#include "engine-internal.h"
#include "field.h"
#include "foundation/json-util.h"

static json_object *list_to_json(const AlertList *list, size_t limit) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();
        const Alert *alert;

        TAILQ_FOREACH(alert, list, entries) {
                json_object *json;

                if (limit-- == 0)
                        break;
                json = alert_to_json(alert);
                if (!array || !json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

json_object *alert_engine_active_to_json(const AlertEngine *engine, size_t limit) {
        return list_to_json(&engine->active, limit);
}

json_object *alert_engine_status_to_json(const AlertEngine *engine, size_t limit) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !json_add(json, "active", list_to_json(&engine->active, limit)) ||
            !json_add(json, "history", list_to_json(&engine->history, limit)) ||
            !json_add(json, "totalActive", json_object_new_uint64(engine->n_active)) ||
            !json_add(json, "totalHistory", json_object_new_uint64(engine->n_history)))
                return NULL;
        return TAKE_PTR(json);
}

static const char *rule_state(const AlertRule *rule) {
        const char *state = "no data yet";

        if (!rule->enabled)
                return "disabled";
        for (const AlertWatch *watch = rule->watches; watch; watch = watch->next) {
                if (watch->firing)
                        return "firing";
                if (watch->holds)
                        state = "pending";
                else if (!isnan(watch->value) && !streq(state, "pending"))
                        state = "ok";
        }
        return state;
}

static json_object *one_efficacy_to_json(const AlertEfficacy *e, const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !json_add(json, "service", json_object_new_string(e->service)) ||
            !json_add(json, "action", json_object_new_string(alert_action_to_string(rule->action))) ||
            !json_add(json, "tries", json_object_new_int64(e->tries)) ||
            !json_add(json, "helped", json_object_new_int64(e->helped)) ||
            !json_add(json, "off", json_object_new_boolean(alert_efficacy_is_off(e))))
                return NULL;
        return TAKE_PTR(json);
}

/* NULL without memory. */
static json_object *efficacy_to_json(const AlertBook *book, const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < book->n_efficacy; i++) {
                json_object *json;

                if (!streq(book->efficacy[i].rule, rule->id))
                        continue;
                json = one_efficacy_to_json(book->efficacy + i, rule);
                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

/* NULL without memory. */
static json_object *rule_to_json(const AlertBook *book, const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *json = alert_rule_to_json(rule), *efficacy = efficacy_to_json(book, rule);

        if (!json || !efficacy || !json_add(json, "state", json_object_new_string(rule_state(rule))) ||
            !json_add(json, "efficacy", TAKE_PTR(efficacy)))
                return NULL;
        return TAKE_PTR(json);
}

json_object *alert_engine_rules_to_json(const AlertEngine *engine) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < engine->book->n_rules; i++) {
                json_object *json = rule_to_json(engine->book, engine->book->rules[i]);

                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}
