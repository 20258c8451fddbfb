/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

static json_object *get(json_object *object, const char *name, json_type type) {
        json_object *value;

        return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &value) &&
                               json_object_is_type(value, type) ?
                       value :
                       NULL;
}

const char *answer_string(json_object *object, const char *name) {
        json_object *value = get(object, name, json_type_string);

        return value ? json_object_get_string(value) : NULL;
}

json_object *answer_array(json_object *object, const char *name) {
        return get(object, name, json_type_array);
}

size_t answer_length(json_object *array) {
        return array ? json_object_array_length(array) : 0;
}

json_object *answer_object(json_object *object, const char *name) {
        return get(object, name, json_type_object);
}

bool json_number(json_object *value, double *ret) {
        if (!json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
                return false;
        *ret = json_object_get_double(value);
        return isfinite(*ret);
}

bool answer_number(json_object *object, const char *name, double *ret) {
        json_object *value = get(object, name, json_type_double);
        double number;

        if (!json_number(value ? value : get(object, name, json_type_int), &number))
                return false;
        *ret = number;
        return true;
}

bool answer_flag(json_object *object, const char *name) {
        json_object *value = get(object, name, json_type_boolean);

        return value && json_object_get_boolean(value);
}

bool answer_time(json_object *object, const char *name, uint64_t *ret) {
        const char *text = answer_string(object, name);

        return text && parse_iso8601(text, ret) >= 0;
}

char *format_local_time(char buf[static LOCAL_TIME_MAX], uint64_t realtime) {
        time_t t = (time_t) (realtime / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&t, &tm) || strftime(buf, LOCAL_TIME_MAX, "%b %d %H:%M:%S", &tm) == 0)
                (void) snprintf(buf, LOCAL_TIME_MAX, "-");
        return buf;
}

const char *answer_local_time(char buf[static LOCAL_TIME_MAX], json_object *object, const char *name) {
        uint64_t at;

        return answer_time(object, name, &at) ? format_local_time(buf, at) : NULL;
}
