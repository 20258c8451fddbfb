/* SPDX-License-Identifier: MIT */
#include "unit-quote.h"

#include <stdio.h>

#include "basic/string-util.h"

/* Each byte becomes four at most: "\x1b". */
#define GROWTH 4

/* What stands for itself in a word without quotes, wherever it is. */
static bool is_plain(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                (c != '\0' && strchr("/._-+:=,@^~!", c)) || (unsigned char) c >= 0x80;
}

static char *put_escaped(char *p, char c) {
        if (c == '"' || c == '\\')
                return p + sprintf(p, "\\%c", c);
        if (c == '\n')
                return p + sprintf(p, "\\n");
        if (c == '\t')
                return p + sprintf(p, "\\t");
        if ((unsigned char) c < ' ' || c == 0x7f)
                return p + sprintf(p, "\\x%02x", (unsigned char) c);
        *p = c;
        return p + 1;
}

/* Characters of doubled stand twice. */
static char *quote(const char *s, const char *doubled) {
        char *quoted = malloc(strlen(s) * GROWTH + 3), *p = quoted;
        bool plain = *s != '\0';

        if (!quoted)
                return NULL;
        for (const char *c = s; *c; c++)
                plain = plain && (is_plain(*c) || strchr(doubled, *c));
        if (!plain)
                *p++ = '"';
        for (; *s; s++) {
                p = put_escaped(p, *s);
                if (strchr(doubled, *s))
                        *p++ = *s;
        }
        if (!plain)
                *p++ = '"';
        *p = '\0';
        return quoted;
}

char *unit_quote_argument(const char *s) {
        return quote(s, "%$");
}

char *unit_quote_word(const char *s) {
        return quote(s, "%");
}

char *unit_quote_value(const char *s) {
        char *quoted = malloc(strlen(s) * 2 + 1), *p = quoted;

        if (!quoted)
                return NULL;
        for (; *s; s++) {
                if (*s == '%')
                        *p++ = '%';
                *p++ = *s;
        }
        *p = '\0';
        return quoted;
}

char *unit_quote_own(const char *s) {
        char *quoted, *p;

        if (*s && !strpbrk(s, " \t\"'"))
                return strdup(s);
        quoted = p = malloc(strlen(s) * 3 + 3);
        if (!quoted)
                return NULL;
        /* A quote of one kind stands within a pair of the other: those of one kind that follow each other share a pair. */
        do {
                char mark = *s == '"' ? '\'' : '"';
                size_t n = strcspn(s, mark == '"' ? "\"" : "'");

                *p++ = mark;
                p = mempcpy(p, s, n);
                *p++ = mark;
                s += n;
        } while (*s);
        *p = '\0';
        return quoted;
}

bool unit_text_valid(const char *s) {
        size_t n = strlen(s);
        _cleanup_(freep) char *copy = strdup(s);

        if (!copy)
                return false;
        utf8_clean(copy, n);
        return streq(copy, s);
}

bool unit_value_valid(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || s[0] == ' ' || s[n - 1] == ' ' || s[n - 1] == '\\' || !unit_text_valid(s))
                return false;
        for (const char *c = s; *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f)
                        return false;
        return true;
}
