/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "basic/macro.h"

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline const char *strna(const char *s) {
        return s ? s : "n/a";
}

static inline const char *strempty(const char *s) {
        return s ? s : "";
}

/* The rest of s after prefix, or NULL when s does not begin with it. */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* True when s ends in suffix. */
bool endswith(const char *s, const char *suffix);

/* asprintf that returns the string, or NULL without memory. The caller frees. */
char *str_printf(const char *format, ...) _printf_(1, 2);
char *str_vprintf(const char *format, va_list ap) _printf_(1, 0);

/* Replaces *s by a copy of value; the old one is freed. -ENOMEM leaves *s alone. */
int str_replace(char **s, const char *value);

/* The same for a new string. */
int str_replace_printf(char **s, const char *format, ...) _printf_(2, 3);

/* True for [a-z][a-z0-9-]* of at most 32 characters: what a service id may be. */
bool service_id_valid(const char *id);

/* How many characters at the beginning of s a token of HTTP may have, such as a field's name (RFC 9110 5.6.2). */
size_t token_span(const char *s);

/* Reads a decimal number; the whole string must be one, in min..max. -EINVAL or -ERANGE else. */
int parse_uint(const char *s, unsigned long min, unsigned long max, unsigned long *ret);

/* Makes valid UTF-8 (RFC 3629) of s[0..size) in place: each byte that has no part in a character becomes '?'. */
void utf8_clean(char *s, size_t size);

/* Levenshtein distance, for "did you mean": insertions, deletions, substitutions cost 1. */
size_t edit_distance(const char *a, const char *b);
