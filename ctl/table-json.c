/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/time-util.h"
#include "table.h"

int json_set(json_object *object, const char *key, json_object *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_object_add(object, key, value) >= 0)
                return 0;
        json_put(value);
        return -ENOMEM;
}

json_object *json_decimal(int64_t value, unsigned places) {
        char text[DECIMAL_MAX];

        (void) format_decimal(text, value, places);
        return json_object_new_double_s(strtod(text, NULL), text);
}

json_object *json_strv(char *const *list) {
        _cleanup_(json_putp) json_object *array = json_object_new_array();

        for (; array && list && *list; list++) {
                json_object *s = json_object_new_string(*list);

                if (!s || json_object_array_add(array, s) < 0) {
                        json_put(s);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

static json_object *value_to_json(const Value *v) {
        char time[ISO8601_MAX];

        switch (v->type) {
        case VALUE_STRING:
                return json_object_new_string(v->string);
        case VALUE_FLAG:
                return json_object_new_boolean(v->flag);
        case VALUE_NUMBER:
        case VALUE_BYTES:
                return json_object_new_uint64(v->number);
        case VALUE_TIMESPAN:
                return json_object_new_double((double) v->number / (double) USEC_PER_MSEC);
        case VALUE_MSEC:
        case VALUE_PERCENT:
                return json_object_new_double(v->msec);
        case VALUE_MONEY:
                return json_decimal((int64_t) v->number, MONEY_PLACES);
        case VALUE_TIME:
                return json_object_new_string(format_iso8601(time, v->number));
        case VALUE_LIST:
                return json_strv(v->list);
        case VALUE_UNKNOWN:
                break;
        }
        return NULL;
}

static int add_row(json_object *array, const Column *columns, size_t n_columns, const void *row) {
        _cleanup_(json_putp) json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        for (size_t i = 0; i < n_columns; i++) {
                Value v;
                int r;

                if (!columns[i].key)
                        continue;
                v = columns[i].get(row);
                r = v.type != VALUE_UNKNOWN ? json_set(o, columns[i].key, value_to_json(&v)) :
                    json_object_object_add(o, columns[i].key, NULL) < 0 ? -ENOMEM : 0;
                if (r < 0)
                        return r;
        }
        if (json_object_array_add(array, o) < 0)
                return -ENOMEM;
        (void) TAKE_PTR(o); /* the array's now */
        return 0;
}

int table_to_json(const Column *columns, size_t n_columns, const void *const *rows, size_t n, json_object **ret) {
        _cleanup_(json_putp) json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_row(array, columns, n_columns, rows[i]);
        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

int json_print(json_object *object) {
        const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);

        if (!text)
                return -ENOMEM;
        return puts(text) < 0 ? -EIO : 0;
}
