/* SPDX-License-Identifier: MIT */
#include "field.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <json-c/json_object_iterator.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

#define ID_MAX 64

void field_clean(char *text) {
        utf8_clean(text, strlen(text));
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 0x7f)
                        *text = '?';
}

int field_problem(char **ret_problem, const char *format, ...) {
        va_list ap;
        char *text;

        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        if (!text)
                return -ENOMEM;
        field_clean(text);
        *ret_problem = text;
        return -EINVAL;
}

bool field_id_valid(const char *id) {
        size_t n = strlen(id);

        return n > 0 && n <= ID_MAX &&
               strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

int field_missing(const char *name, const char *expected, char **ret_problem) {
        return field_problem(ret_problem, "%s: is missing; %s", name, expected);
}

/* NULL for a field that is missing or null. */
static json_object *get(json_object *object, const char *name) {
        json_object *value;

        return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

bool field_is_given(json_object *object, const char *name) {
        return get(object, name) != NULL;
}

static bool is_one_of(const char *name, const char *const *names) {
        for (; *names; names++)
                if (streq(*names, name))
                        return true;
        return false;
}

/* "a, b, c" */
static char *join(const char *const *names) {
        _cleanup_(freep) char *text = NULL;

        for (; *names; names++)
                if (str_replace_printf(&text, "%s%s%s", text ? text : "", text ? ", " : "", *names) < 0)
                        return NULL;
        return TAKE_PTR(text);
}

int field_check_names(json_object *object, const char *const *names, const char *what, char **ret_problem) {
        struct json_object_iterator i = json_object_iter_begin(object), end = json_object_iter_end(object);

        for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
                _cleanup_(freep) char *known = NULL;
                const char *name = json_object_iter_peek_name(&i);

                if (is_one_of(name, names))
                        continue;
                known = join(names);
                return known ? field_problem(ret_problem, "%.64s: is no field of %s, which are: %s", name, what, known)
                             : -ENOMEM;
        }
        return 0;
}

static bool is_one_line(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) s[i] < ' ' || s[i] == 0x7f)
                        return false;
        return true;
}

int field_text(json_object *object, const char *name, size_t max, const char **ret, char **ret_problem) {
        json_object *value = get(object, name);
        size_t n;

        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_string))
                return field_problem(ret_problem, "%s: a string is expected", name);
        n = (size_t) json_object_get_string_len(value);
        if (n > max)
                return field_problem(ret_problem, "%s: at most %zu bytes are expected, not %zu", name, max, n);
        if (!is_one_line(json_object_get_string(value), n))
                return field_problem(ret_problem, "%s: text without control characters is expected", name);
        *ret = json_object_get_string(value);
        return 0;
}

int field_id(json_object *object, const char *name, const char **ret, char **ret_problem) {
        json_object *value = get(object, name);

        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_string) ||
            strlen(json_object_get_string(value)) != (size_t) json_object_get_string_len(value) ||
            !field_id_valid(json_object_get_string(value)))
                return field_problem(ret_problem, "%s: " FIELD_ID_EXPECTED, name);
        *ret = json_object_get_string(value);
        return 0;
}

int field_word(json_object *object, const char *name, field_word_t word, int n, int *ret, char **ret_problem) {
        _cleanup_(freep) char *words = NULL;
        json_object *value = get(object, name);

        if (!value)
                return 0;
        for (int i = 0; i < n; i++) {
                if (json_object_is_type(value, json_type_string) && streq(json_object_get_string(value), word(i))) {
                        *ret = i;
                        return 0;
                }
                if (str_replace_printf(&words, "%s%s%s", words ? words : "", i == 0 ? "" : ", ", word(i)) < 0)
                        return -ENOMEM;
        }
        return field_problem(ret_problem, "%s: one of %s is expected", name, words);
}

/* What is too large for an integer json-c makes the largest one: another number than was sent. */
static bool is_cut_off(json_object *value) {
        return json_object_is_type(value, json_type_int) &&
               (json_object_get_uint64(value) == UINT64_MAX || json_object_get_int64(value) == INT64_MIN);
}

int field_number(json_object *object, const char *name, double *ret, char **ret_problem) {
        json_object *value = get(object, name);

        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
                return field_problem(ret_problem, "%s: a number is expected", name);
        if (is_cut_off(value))
                return field_problem(ret_problem, "%s: a number is expected, one so large with an exponent as 1e20", name);
        if (!isfinite(json_object_get_double(value)))
                return field_problem(ret_problem, "%s: a number is expected, neither infinite nor NaN", name);
        *ret = json_object_get_double(value);
        return 0;
}

int field_bool(json_object *object, const char *name, bool *ret, char **ret_problem) {
        json_object *value = get(object, name);

        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_boolean))
                return field_problem(ret_problem, "%s: true or false is expected", name);
        *ret = json_object_get_boolean(value);
        return 0;
}

static int read_duration(json_object *value, uint64_t max, uint64_t *ret) {
        double ms;

        if (json_object_is_type(value, json_type_string))
                return parse_timespan(json_object_get_string(value), ret);
        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
                return -EINVAL;
        ms = json_object_get_double(value);
        if (!(ms >= 0) || ms > (double) max / (double) USEC_PER_MSEC)
                return -ERANGE;
        /* Rounded, or what was printed of it would not read as the same. */
        *ret = (uint64_t) llround(ms * (double) USEC_PER_MSEC);
        return 0;
}

int field_duration(json_object *object, const char *name, uint64_t max, uint64_t *ret, char **ret_problem) {
        json_object *value = get(object, name);
        char limit[TIMESPAN_MAX];
        uint64_t usec;
        int r;

        if (!value)
                return 0;
        r = read_duration(value, max, &usec);
        if (r < 0 || usec > max)
                return field_problem(ret_problem,
                                     "%s: a duration of at most %s is expected, as \"30s\", \"5min\" or a number of "
                                     "milliseconds",
                                     name, format_timespan(limit, max));
        *ret = usec;
        return 0;
}

json_object *field_number_to_json(double value) {
        char text[32];

        if (value >= -1e15 && value <= 1e15 && value == (double) (int64_t) value)
                return json_object_new_int64((int64_t) value);
        /* The shortest that reads as the same number: json-c would make 0.69999999999999996 of 0.7. */
        for (int digits = 15; digits <= 17; digits++) {
                (void) snprintf(text, sizeof(text), "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        return json_object_new_double_s(value, text);
}
