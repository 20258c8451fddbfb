/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <json-c/json_object.h>

/* Sets a field; takes over value, also on failure. False without memory; a value that could not be made shows as
 * null. */
static inline bool json_add(json_object *object, const char *key, json_object *value) {
        if (json_object_object_add(object, key, value) >= 0)
                return true;
        json_object_put(value);
        return false;
}

/* json-c prints a double with 17 digits unless told; a latency or a rate has three that mean something. NULL without
 * memory. */
static inline json_object *json_rounded(double value) {
        char text[32];

        (void) snprintf(text, sizeof(text), "%.3f", value);
        return json_object_new_double_s(value, text);
}
