/* SPDX-License-Identifier: MIT */
#include "build.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

void put(json_object *object, const char *name, json_object *value) {
        if (!object || json_object_object_add(object, name, value) < 0)
                json_object_put(value);
}

void push(json_object *array, json_object *value) {
        if (!array || json_object_array_add(array, value) < 0)
                json_object_put(value);
}

void put_text(json_object *object, const char *name, const char *text) {
        put(object, name, text ? json_object_new_string(text) : NULL);
}

void put_text_printf(json_object *object, const char *name, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        put_text(object, name, text);
}

void put_time(json_object *object, const char *name, uint64_t usec) {
        char text[ISO8601_MAX];

        put_text(object, name, format_iso8601(text, usec));
}

/* Without the zeroes at the end, but with one digit behind the point. */
static json_object *number(double value, int digits) {
        char text[64];
        size_t n;

        if (!isfinite(value))
                return NULL;
        if (fabs(value) < pow(10, -digits) / 2)
                value = 0; /* and not -0 */
        n = (size_t) snprintf(text, sizeof(text), "%.*f", digits, value);
        if (n >= sizeof(text))
                return json_object_new_double(value);
        while (n > 2 && text[n - 1] == '0' && text[n - 2] != '.')
                text[--n] = '\0';
        return json_object_new_double_s(value, text);
}

json_object *number_ms(double value) {
        return number(value, 3);
}

json_object *number_share(double value) {
        return number(value, 6);
}

json_object *number_usd(double value) {
        return number(value, 9);
}

json_object *number_p(double value) {
        char text[32];

        if (!isfinite(value))
                return NULL;
        (void) snprintf(text, sizeof(text), "%.6g", value);
        return json_object_new_double_s(value, text);
}
