/* SPDX-License-Identifier: MIT */
#include "basic/time-util.h"
#include "control-internal.h"
#include "foundation/json-util.h"

json_object *json_string(const char *s) {
        return s && *s ? json_object_new_string(s) : NULL;
}

json_object *json_time(uint64_t realtime_usec) {
        char buf[ISO8601_MAX];

        return realtime_usec > 0 ? json_object_new_string(format_iso8601(buf, realtime_usec)) : NULL;
}

json_object *json_number(uint64_t n) {
        return n > 0 ? json_object_new_uint64(n) : NULL;
}

json_object *json_error(const Control *control, const char *code, const char *message) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "ok", json_object_new_boolean(false)) &&
            json_add(json, "error", json_object_new_string(message)) &&
            json_add(json, "code", json_object_new_string(code)) &&
            json_add(json, "service", json_object_new_string(control->id)) &&
            json_add(json, "timestamp", json_time(now_realtime_usec())))
                return json;
        json_object_put(json);
        return NULL;
}
