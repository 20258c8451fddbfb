/* SPDX-License-Identifier: MIT */
#include "canonical.h"

#include <inttypes.h>
#include <json-c/json_object_iterator.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "proxy/buffer.h"

#define DEPTH_MAX 64 /* the parser itself takes less */
#define INTEGER_MAX (INT64_C(1) << 53)
#define SPACE_FIRST 1024

static int add(Buffer *b, const void *data, size_t size) {
        return size > 0 ? buffer_append(b, data, size, SPACE_FIRST) : 0;
}

static int add_string(Buffer *b, const char *s) {
        return add(b, s, strlen(s));
}

/* --- Numbers --- */

/* The digits of the shortest decimal that reads as this value, without zeros at the end; 0.DIGITS x 10^*ret_exponent. */
static size_t shortest_digits(double value, char digits[static 18], int *ret_exponent) {
        char text[CANONICAL_NUMBER_MAX];
        size_t n = 0;

        for (int precision = 0; precision < 17; precision++) {
                (void) snprintf(text, sizeof(text), "%.*e", precision, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        for (const char *p = text; *p && *p != 'e'; p++)
                if (*p != '.')
                        digits[n++] = *p;
        while (n > 1 && digits[n - 1] == '0')
                n--;
        *ret_exponent = (int) strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
        return n;
}

/* Number::toString of ECMAScript, with its names: k digits, the point after n of them. */
static void write_digits(char *out, const char *digits, int k, int n) {
        if (k <= n && n <= 21) {
                out = mempcpy(out, digits, (size_t) k);
                out = (char *) memset(out, '0', (size_t) (n - k)) + (n - k);
        } else if (n > 0 && n <= 21) {
                out = mempcpy(out, digits, (size_t) n);
                *out++ = '.';
                out = mempcpy(out, digits + n, (size_t) (k - n));
        } else if (n > -6 && n <= 0) {
                out = mempcpy(out, "0.", 2);
                out = (char *) memset(out, '0', (size_t) -n) + -n;
                out = mempcpy(out, digits, (size_t) k);
        } else {
                *out++ = digits[0];
                if (k > 1) {
                        *out++ = '.';
                        out = mempcpy(out, digits + 1, (size_t) (k - 1));
                }
                out += sprintf(out, "e%+d", n - 1);
        }
        *out = '\0';
}

int canonical_number(double value, char ret[static CANONICAL_NUMBER_MAX]) {
        char digits[18] = "";
        int exponent;
        size_t n;

        if (!isfinite(value))
                return -ERANGE;
        if (value == 0) { /* minus zero, too */
                (void) mempcpy(ret, "0", sizeof("0"));
                return 0;
        }
        n = shortest_digits(fabs(value), digits, &exponent);
        if (value < 0)
                *ret++ = '-';
        write_digits(ret, digits, (int) n, exponent);
        return 0;
}

static int add_integer(Buffer *b, json_object *json) {
        char text[CANONICAL_NUMBER_MAX];
        int64_t value = json_object_get_int64(json);

        /* Beyond that two numbers would have one form, and one question the other's answer. */
        if (value > INTEGER_MAX || value < -INTEGER_MAX)
                return -ERANGE;
        (void) snprintf(text, sizeof(text), "%" PRIi64, value);
        return add_string(b, text);
}

static int add_double(Buffer *b, json_object *json) {
        char text[CANONICAL_NUMBER_MAX];
        int r = canonical_number(json_object_get_double(json), text);

        return r < 0 ? r : add_string(b, text);
}

/* --- Strings --- */

static int add_escape(Buffer *b, unsigned char c) {
        static const char short_ones[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
                                           ['"'] = '"', ['\\'] = '\\' };
        char text[8];

        if (c < sizeof(short_ones) && short_ones[c])
                (void) snprintf(text, sizeof(text), "\\%c", short_ones[c]);
        else
                (void) snprintf(text, sizeof(text), "\\u%04x", c);
        return add_string(b, text);
}

static bool is_plain(unsigned char c) {
        return c >= 0x20 && c != '"' && c != '\\';
}

static int add_quoted(Buffer *b, const char *s, size_t size) {
        int r = add(b, "\"", 1);

        for (size_t i = 0; i < size && r >= 0;) {
                size_t n = 0;

                while (i + n < size && is_plain((unsigned char) s[i + n]))
                        n++;
                r = add(b, s + i, n);
                i += n;
                if (i < size && r >= 0)
                        r = add_escape(b, (unsigned char) s[i++]);
        }
        return r < 0 ? r : add(b, "\"", 1);
}

/* --- Objects --- */

/* Names go by their UTF-16. That is the order of bytes but for characters outside of the first plane (F0 and up in UTF-8),
 * whose surrogates come before U+E000 (EE and EF). */
static int weight(unsigned char c) {
        return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int compare_names(const void *a, const void *b) {
        const unsigned char *x = *(const unsigned char *const *) a, *y = *(const unsigned char *const *) b;

        while (*x && *x == *y) {
                x++;
                y++;
        }
        return weight(*x) - weight(*y);
}

static int add_value(Buffer *b, json_object *json, unsigned depth);

static int add_members(Buffer *b, json_object *json, const char **names, size_t n, unsigned depth) {
        for (size_t i = 0; i < n; i++) {
                int r = i > 0 ? add(b, ",", 1) : 0;

                if (r >= 0)
                        r = add_quoted(b, names[i], strlen(names[i]));
                if (r >= 0)
                        r = add(b, ":", 1);
                if (r >= 0)
                        r = add_value(b, json_object_object_get(json, names[i]), depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_object(Buffer *b, json_object *json, unsigned depth) {
        size_t n = 0, length = (size_t) json_object_object_length(json);
        _cleanup_(freep) const char **names = calloc(length + 1, sizeof(*names));
        int r;

        if (!names)
                return -ENOMEM;
        for (struct json_object_iterator i = json_object_iter_begin(json), end = json_object_iter_end(json);
             !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
                names[n++] = json_object_iter_peek_name(&i);
        qsort(names, n, sizeof(*names), compare_names);
        r = add(b, "{", 1);
        if (r >= 0)
                r = add_members(b, json, names, n, depth);
        return r < 0 ? r : add(b, "}", 1);
}

static int add_array(Buffer *b, json_object *json, unsigned depth) {
        int r = add(b, "[", 1);

        for (size_t i = 0; i < json_object_array_length(json) && r >= 0; i++) {
                if (i > 0)
                        r = add(b, ",", 1);
                if (r >= 0)
                        r = add_value(b, json_object_array_get_idx(json, i), depth);
        }
        return r < 0 ? r : add(b, "]", 1);
}

static int add_value(Buffer *b, json_object *json, unsigned depth) { /* NOLINT(misc-no-recursion) */
        if (depth == 0)
                return -ERANGE;
        switch (json_object_get_type(json)) {
        case json_type_null:
                return add_string(b, "null");
        case json_type_boolean:
                return add_string(b, json_object_get_boolean(json) ? "true" : "false");
        case json_type_int:
                return add_integer(b, json);
        case json_type_double:
                return add_double(b, json);
        case json_type_string:
                return add_quoted(b, json_object_get_string(json), (size_t) json_object_get_string_len(json));
        case json_type_array:
                return add_array(b, json, depth - 1);
        case json_type_object:
                return add_object(b, json, depth - 1);
        }
        return -ERANGE;
}

int canonical_json(json_object *json, char **ret, size_t *ret_size) {
        Buffer b = {};
        int r;

        r = add_value(&b, json, DEPTH_MAX);
        if (r >= 0)
                r = add(&b, "", 1);
        if (r < 0) {
                buffer_done(&b);
                return r;
        }
        if (ret_size)
                *ret_size = b.end - 1;
        *ret = b.bytes;
        return 0;
}
