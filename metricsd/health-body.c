/* SPDX-License-Identifier: MIT */
#include "health-body.h"

#include <json-c/json.h>
#include <string.h>

#include "basic/macro.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)
TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

#define DEPTH_MAX 16

static json_object *parse(const char *data, size_t size) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = NULL;

        if (size == 0 || size > INT32_MAX)
                return NULL;
        tokener = json_tokener_new_ex(DEPTH_MAX);
        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
        return json_tokener_parse_ex(tokener, data, (int) size);
}

static uint64_t number(json_object *json, const char *name, uint64_t otherwise) {
        json_object *value;

        if (!json_object_object_get_ex(json, name, &value) || !json_object_is_type(value, json_type_int) ||
            json_object_get_int64(value) < 0)
                return otherwise;
        return json_object_get_uint64(value);
}

/* It is shown to people and logged: cut at the first character that would begin a new line or worse, and never within
 * a character. */
static void copy_reason(char ret[static HEALTH_REASON_MAX + 1], const char *text) {
        size_t n = 0;

        while (n < HEALTH_REASON_MAX && (unsigned char) text[n] >= ' ' && text[n] != 0x7f)
                n++;
        while (n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80)
                n--;
        (void) memcpy(ret, text, n);
        ret[n] = '\0';
}

void health_body_parse(const char *data, size_t size, HealthBody *ret) {
        _cleanup_(json_object_putp) json_object *json = parse(data, size);
        json_object *value;

        *ret = (HealthBody) { .requests = UINT64_MAX, .errors = UINT64_MAX };
        if (!json_object_is_type(json, json_type_object))
                return;
        ret->generation = number(json, "generation", 0);
        if (json_object_object_get_ex(json, "reason", &value) && json_object_is_type(value, json_type_string))
                copy_reason(ret->reason, json_object_get_string(value));
        if (json_object_object_get_ex(json, "metrics", &value) && json_object_is_type(value, json_type_object)) {
                ret->requests = number(value, "requests", UINT64_MAX);
                ret->errors = number(value, "errors", UINT64_MAX);
        }
}
