/* SPDX-License-Identifier: MIT */
#include "wire/wire-json.h"

#include <limits.h>

#include "basic/string-util.h"
#include "wire/wire-split.h"

json_object *wire_field(json_object *object, const char *key) {
        json_object *value;

        if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value))
                return NULL;
        return value;
}

static json_object *field_of_type(json_object *object, const char *key, json_type type) {
        json_object *value = wire_field(object, key);

        return value && json_object_is_type(value, type) ? value : NULL;
}

json_object *wire_array(json_object *object, const char *key) {
        return field_of_type(object, key, json_type_array);
}

json_object *wire_object(json_object *object, const char *key) {
        return field_of_type(object, key, json_type_object);
}

json_object *wire_text(json_object *object, const char *key) {
        return field_of_type(object, key, json_type_string);
}

const char *wire_string(json_object *object, const char *key) {
        json_object *value = wire_text(object, key);

        return value ? json_object_get_string(value) : NULL;
}

bool wire_is(json_object *object, const char *key, const char *value) {
        const char *s = wire_string(object, key);

        return s && streq(s, value);
}

bool wire_true(json_object *object, const char *key) {
        json_object *value = field_of_type(object, key, json_type_boolean);

        return value && json_object_get_boolean(value);
}

int64_t wire_count(json_object *object, const char *key) {
        json_object *value = wire_field(object, key);

        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
                return 0;
        return MIN(MAX(json_object_get_int64(value), 0), WIRE_COUNT_MAX);
}

int64_t wire_count_or_invalid(json_object *object, const char *key, bool *invalid) {
        json_object *value = wire_field(object, key);
        bool number = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);

        if (value && (!number || json_object_get_double(value) < 0))
                *invalid = true;
        return wire_count(object, key);
}

size_t wire_length(json_object *array) {
        return array ? json_object_array_length(array) : 0;
}

static void spoil(json_object **json, json_object *value) {
        (void) json_object_put(value);
        (void) json_object_put(*json);
        *json = NULL;
}

void wire_set(json_object **object, const char *key, json_object *value) {
        if (!*object || !value || json_object_object_add(*object, key, value) < 0)
                spoil(object, value);
}

void wire_push(json_object **array, json_object *value) {
        if (!*array || !value || json_object_array_add(*array, value) < 0)
                spoil(array, value);
}

void wire_set_string(json_object **object, const char *key, const char *value) {
        wire_set(object, key, json_object_new_string(value));
}

void wire_set_int(json_object **object, const char *key, int64_t value) {
        wire_set(object, key, json_object_new_int64(value));
}

void wire_set_bool(json_object **object, const char *key, bool value) {
        wire_set(object, key, json_object_new_boolean(value));
}

void wire_set_null(json_object **object, const char *key) {
        if (!*object || json_object_object_add(*object, key, NULL) < 0)
                spoil(object, NULL);
}

void wire_set_ref(json_object **object, const char *key, json_object *value) {
        if (value)
                wire_set(object, key, json_object_get(value));
}

json_object *wire_shallow_copy(json_object *object) {
        json_object *copy = json_object_new_object();

        json_object_object_foreach(object, key, value) {
                if (value)
                        wire_set_ref(&copy, key, value);
                else
                        wire_set_null(&copy, key);
        }
        return copy;
}

int wire_parse(json_tokener *tokener, const char *text, size_t size, json_object **ret) {
        _cleanup_(json_object_putp) json_object *json = NULL;

        if (size > INT_MAX)
                return -EBADMSG;
        json_tokener_reset(tokener);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text, (int) size);
        if (json_tokener_get_error(tokener) != json_tokener_success)
                return -EBADMSG;
        for (size_t i = json_tokener_get_parse_end(tokener); i < size; i++)
                if (!wire_is_blank(text[i]))
                        return -EBADMSG;
        *ret = TAKE_PTR(json);
        return 0;
}

int wire_parse_object(const char *text, size_t size, json_object **ret) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new_ex(WIRE_DEPTH_MAX);
        _cleanup_(json_object_putp) json_object *json = NULL;
        int r;

        if (!tokener)
                return -ENOMEM;
        r = wire_parse(tokener, text, size, &json);
        if (r < 0)
                return r;
        if (!json_object_is_type(json, json_type_object))
                return -EBADMSG;
        *ret = TAKE_PTR(json);
        return 0;
}

const char *wire_to_text(json_object *json, size_t *ret_size) {
        return json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_size);
}

int wire_why(char **ret_why, int r, const char *format, ...) {
        char *why;
        va_list ap;

        va_start(ap, format);
        why = str_vprintf(format, ap);
        va_end(ap);
        if (!why)
                return -ENOMEM;
        *ret_why = why;
        return r;
}
