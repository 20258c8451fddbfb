/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <json-c/json_object.h>

/* Sets a field; takes over value, also on failure. False without memory; a value that could not be made shows as
 * null. */
static inline bool json_add(json_object *object, const char *key, json_object *value) {
        if (json_object_object_add(object, key, value) >= 0)
                return true;
        json_object_put(value);
        return false;
}
