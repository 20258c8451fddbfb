/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"

#include <stdio.h>

#define SERVICE_ID_MAX 32
#define EDIT_DISTANCE_MAX 64

bool endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

char *str_vprintf(const char *format, va_list ap) {
        char *s;

        return vasprintf(&s, format, ap) < 0 ? NULL : s;
}

char *str_printf(const char *format, ...) {
        va_list ap;
        char *s;

        va_start(ap, format);
        s = str_vprintf(format, ap);
        va_end(ap);
        return s;
}

int str_replace(char **s, const char *value) {
        char *n = strdup(value);

        if (!n)
                return -ENOMEM;
        free(*s);
        *s = n;
        return 0;
}

int str_replace_printf(char **s, const char *format, ...) {
        va_list ap;
        char *n;

        va_start(ap, format);
        n = str_vprintf(format, ap);
        va_end(ap);
        if (!n)
                return -ENOMEM;
        free(*s);
        *s = n;
        return 0;
}

bool service_id_valid(const char *id) {
        size_t n = strlen(id);

        if (n == 0 || n > SERVICE_ID_MAX || id[0] < 'a' || id[0] > 'z')
                return false;
        return strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* In place of strspn(), which makes a table of its second argument at each call: each field of a head is asked. */
static bool is_token_character(char c) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')
                return true;
        return c != '\0' && strchr("!#$%&'*+.^_`|~", c);
}

size_t token_span(const char *s) {
        size_t n = 0;

        while (is_token_character(s[n]))
                n++;
        return n;
}

int parse_uint(const char *s, unsigned long min, unsigned long max, unsigned long *ret) {
        unsigned long v;
        char *end;

        /* strtoul takes blanks and a sign; a number in an option or a unit file has neither. */
        if (*s < '0' || *s > '9')
                return -EINVAL;
        errno = 0;
        v = strtoul(s, &end, 10);
        if (*end)
                return -EINVAL;
        if (errno != 0 || v < min || v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

/* How many bytes the character at s has, 0 when there is none. */
static size_t utf8_length(const unsigned char *s, size_t size) {
        static const struct {
                unsigned char from, to;   /* of the first byte */
                unsigned char least, most; /* of the second: no overlong forms, no surrogates, nothing over U+10FFFF */
                unsigned char length;
        } forms[] = {
                { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
                { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
                { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };

        if (s[0] < 0x80)
                return 1;
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                size_t n = 2;

                if (s[0] < forms[i].from || s[0] > forms[i].to)
                        continue;
                if (size < forms[i].length || s[1] < forms[i].least || s[1] > forms[i].most)
                        return 0;
                while (n < forms[i].length && (s[n] & 0xc0) == 0x80)
                        n++;
                return n == forms[i].length ? n : 0;
        }
        return 0;
}

void utf8_clean(char *s, size_t size) {
        for (size_t at = 0; at < size;) {
                size_t length = utf8_length((const unsigned char *) s + at, size - at);

                if (length == 0)
                        s[at] = '?';
                at += MAX(length, (size_t) 1);
        }
}

size_t edit_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b), row[EDIT_DISTANCE_MAX + 1];

        if (n > EDIT_DISTANCE_MAX || m > EDIT_DISTANCE_MAX)
                return MAX(n, m); /* names that long are nobody's typing error */
        for (size_t j = 0; j <= m; j++)
                row[j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t substituted = diagonal + (a[i - 1] != b[j - 1]);

                        diagonal = row[j];
                        row[j] = MIN(substituted, MIN(row[j], row[j - 1]) + 1);
                }
        }
        return row[m];
}
