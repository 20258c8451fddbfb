/* SPDX-License-Identifier: MIT */
#include "control-internal.h"
#include "foundation/json-util.h"

#define INSTANCES_MAX 64

static json_object *scaled_to_json(const FleetUnit *unit) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *result = json_object_new_object();

        if (!json || !result || !json_add(json, "ok", json_object_new_boolean(true)) ||
            !json_add(result, "id", json_string(unit->service->id)) ||
            !json_add(result, "action", json_string("scale")) ||
            !json_add(result, "instances", json_object_new_int(1)) ||
            !json_add(result, "status", json_string(fleet_unit_word(unit))) ||
            !json_add(json, "result", TAKE_PTR(result)))
                return NULL;
        return TAKE_PTR(json);
}

/* {"instances": 1..INSTANCES_MAX}. A service runs once or not at all: what is asked for is there already, or cannot
 * be. */
static int scale(HttpRequest *request, Control *control) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        FleetUnit *unit = control_find_unit(request, control);
        json_object *field;
        int64_t instances;
        int r;

        if (!unit)
                return 0;
        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        if (!json_object_object_get_ex(body, "instances", &field) || !json_object_is_type(field, json_type_int))
                return http_reply_error(request, 400, "INVALID_FIELD", "instances: a whole number is expected");
        instances = json_object_get_int64(field);
        if (instances < 1 || instances > INSTANCES_MAX)
                return http_reply_error(request, 400, "INVALID_FIELD", "instances: a number in 1..%d is expected",
                                        INSTANCES_MAX);
        if (unit_is_masked(unit))
                return http_reply_error(request, 409, "MASKED", "%s is masked, so it cannot run", unit->service->unit);
        if (instances > 1)
                return http_reply_error(request, 501, "NOT_IMPLEMENTED",
                                        "%s runs as one instance, and more than one cannot be had yet", unit->service->id);
        if (unit->condition != FLEET_RUNNING)
                return http_reply_error(request, 409, "NOT_ACTIVE", "%s is %s, not one running instance: start it",
                                        unit->service->id, fleet_unit_word(unit));
        return http_reply_json(request, 200, scaled_to_json(unit));
}

int post_scale(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, scale);
}
