/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "exposition.h"

/* Which of the two formats an Accept header (RFC 9110, 12.5.1) wants. */

#define Q_ONE 1000
#define Q_NONE (-1)

typedef struct Span {
        const char *s;
        size_t n;
} Span;

/* One element of the header. Parameters but these two (charset, escaping) say nothing about which format it is. */
typedef struct MediaRange {
        Span type, subtype;
        Span version; /* empty for none */
        int q;        /* thousandths */
} MediaRange;

static bool span_is(Span span, const char *word) {
        return span.n == strlen(word) && strncasecmp(span.s, word, span.n) == 0;
}

static void skip_blanks(const char **p) {
        *p += strspn(*p, " \t");
}

static bool skip_character(const char **p, char c) {
        if (**p != c)
                return false;
        (*p)++;
        return true;
}

static Span take_token(const char **p) {
        Span span = { *p, token_span(*p) };

        *p += span.n;
        return span;
}

/* Behind the first quote; escapes stay what they are, for nothing that is asked about has one. */
static bool take_quoted(const char **p, Span *ret) {
        const char *begin = *p;

        while (**p && **p != '"')
                *p += **p == '\\' && (*p)[1] ? 2 : 1;
        *ret = (Span) { begin, (size_t) (*p - begin) };
        return skip_character(p, '"');
}

/* "0.875"; further digits say nothing that matters. */
static bool read_q(Span span, int *ret) {
        int q = 0, digit = Q_ONE;

        if (span.n == 0 || (*span.s != '0' && *span.s != '1') || (span.n > 1 && span.s[1] != '.'))
                return false;
        q = *span.s == '1' ? Q_ONE : 0;
        for (size_t i = 2; i < span.n; i++) {
                if (span.s[i] < '0' || span.s[i] > '9')
                        return false;
                digit /= 10;
                q += (span.s[i] - '0') * digit;
        }
        *ret = MIN(q, Q_ONE);
        return true;
}

static bool take_parameter(const char **p, MediaRange *range) {
        Span name, value;

        skip_blanks(p);
        if (**p == ';' || **p == ',' || **p == '\0') /* an empty one is none */
                return true;
        name = take_token(p);
        if (name.n == 0 || !skip_character(p, '='))
                return false;
        if (!skip_character(p, '"'))
                value = take_token(p);
        else if (!take_quoted(p, &value))
                return false;
        if (span_is(name, "version"))
                range->version = value;
        return span_is(name, "q") ? read_q(value, &range->q) : true;
}

/* False for what is none; *p is anywhere in it then. */
static bool take_range(const char **p, MediaRange *ret) {
        MediaRange range = { .q = Q_ONE };

        range.type = take_token(p);
        if (range.type.n == 0 || !skip_character(p, '/'))
                return false;
        range.subtype = take_token(p);
        if (range.subtype.n == 0)
                return false;
        skip_blanks(p);
        while (skip_character(p, ';')) {
                if (!take_parameter(p, &range))
                        return false;
                skip_blanks(p);
        }
        if (**p && **p != ',')
                return false;
        *ret = range;
        return true;
}

/* How closely the range describes the format: 0 not at all, 1 for anything, 2 for any text, 3 by its name, 4 with its
 * version. */
static int closeness(const MediaRange *range, ExpositionFormat format) {
        bool open = format == EXPOSITION_OPENMETRICS;

        if (!open && span_is(range->type, "*") && span_is(range->subtype, "*"))
                return 1;
        if (!open && span_is(range->type, "text") && span_is(range->subtype, "*"))
                return 2;
        if (!span_is(range->type, open ? "application" : "text") ||
            !span_is(range->subtype, open ? "openmetrics-text" : "plain"))
                return 0;
        if (range->version.n == 0)
                return 3;
        return span_is(range->version, open ? "1.0.0" : "0.0.4") ? 4 : 0;
}

typedef struct Wish {
        int closeness, q;
} Wish;

/* The range that describes it best has the word. */
static void consider(Wish *wish, const MediaRange *range, ExpositionFormat format) {
        int close = closeness(range, format);

        if (close == 0 || close < wish->closeness)
                return;
        wish->q = close == wish->closeness ? MAX(wish->q, range->q) : range->q;
        wish->closeness = close;
}

ExpositionFormat exposition_negotiate(const char *accept) {
        Wish open = { .q = Q_NONE }, classic = { .q = Q_NONE };
        const char *p = accept ? accept : "";

        while (*p) {
                MediaRange range;

                p += strspn(p, ", \t");
                if (take_range(&p, &range)) {
                        consider(&open, &range, EXPOSITION_OPENMETRICS);
                        consider(&classic, &range, EXPOSITION_CLASSIC);
                } else
                        p += strcspn(p, ",");
        }
        return open.q > 0 && open.q >= classic.q ? EXPOSITION_OPENMETRICS : EXPOSITION_CLASSIC;
}
