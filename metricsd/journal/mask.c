/* SPDX-License-Identifier: MIT */
#include "mask.h"

#include <stdbool.h>
#include <string.h>

#include "basic/macro.h"

#define MARK '*'
/* What is quoted is short; an apostrophe without a partner must not swallow the rest. */
#define QUOTED_MAX ((size_t) 200)
#define HEX_MIN ((size_t) 8)
#define MIXED_MIN ((size_t) 6)
/* Longer is no id, address or number: a message of one word must not be looked through once for each of its letters. */
#define WHOLE_MAX ((size_t) 128)

typedef struct Span {
        const char *s;
        size_t n;
} Span;

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Letters of other scripts count as letters. */
static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char) c >= 0x80;
}

static bool is_word(char c) {
        return is_letter(c) || is_digit(c) || c == '_';
}

static char at(Span in, size_t i) {
        return i < in.n ? in.s[i] : ' ';
}

static Span rest(Span in, size_t i) {
        return (Span) { in.s + i, in.n - i };
}

static size_t span_of(Span in, bool (*is)(char)) {
        size_t n = 0;

        while (n < in.n && is(in.s[n]))
                n++;
        return n;
}

static bool has_digit(Span in) {
        for (size_t i = 0; i < in.n; i++)
                if (is_digit(in.s[i]))
                        return true;
        return false;
}

/* --- What is replaced as a whole: how long it is at the beginning of in, 0 for not there ----------------------------- */

static size_t uuid_length(Span in) {
        static const unsigned char parts[] = { 8, 4, 4, 4, 12 };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (i > 0 && at(in, n++) != '-')
                        return 0;
                for (size_t k = 0; k < parts[i]; k++)
                        if (!is_hex(at(in, n++)))
                                return 0;
        }
        return is_word(at(in, n)) ? 0 : n;
}

/* A port, or nothing. */
static size_t port_length(Span in) {
        size_t n = at(in, 0) == ':' ? span_of(rest(in, 1), is_digit) : 0;

        return n > 0 && n <= 5 ? n + 1 : 0;
}

static bool in_ipv6(char c) {
        return is_hex(c) || c == ':' || c == '.';
}

/* Groups of hex digits and at least two colons: a time of day, too. */
static size_t ipv6_length(Span in) {
        bool bracket = at(in, 0) == '[';
        size_t begin = bracket, n = span_of(rest(in, begin), in_ipv6), colons = 0;

        while (n > 0 && (in.s[begin + n - 1] == '.' || (in.s[begin + n - 1] == ':' && (n < 2 || in.s[begin + n - 2] != ':'))))
                n--; /* the sentence's */
        for (size_t i = 0; i < n; i++)
                colons += in.s[begin + i] == ':';
        if (colons < 2 || is_word(at(in, begin + n)))
                return 0;
        if (at(in, begin + n) == '%') /* its interface */
                n += 1 + span_of(rest(in, begin + n + 1), is_word);
        if (!bracket)
                return n;
        return at(in, begin + n) == ']' ? n + 2 + port_length(rest(in, n + 2)) : 0;
}

static bool in_mail(char c) {
        return is_word(c) || c == '.' || c == '-' || c == '+';
}

static size_t mail_length(Span in) {
        size_t name = span_of(in, in_mail), host;

        if (name == 0 || at(in, name) != '@')
                return 0;
        host = span_of(rest(in, name + 1), in_mail);
        while (host > 0 && !is_word(in.s[name + host]))
                host--;
        return host > 0 ? name + 1 + host : 0;
}

/* From one quote to its partner, both counted. An apostrophe is no quote: what comes before it is a letter, or what comes
 * after its partner is. */
static size_t quoted_length(Span in, char before) {
        static const char quotes[] = "'\"`";
        char quote = at(in, 0);

        if (!strchr(quotes, quote) || is_word(before))
                return 0;
        for (size_t i = 1; i < MIN(in.n, QUOTED_MAX); i++)
                if (in.s[i] == quote && !is_word(at(in, i + 1)))
                        return i + 1;
        return 0;
}

/* --- Numbers and words ----------------------------------------------------------------------------------------------- */

static size_t unit_length(Span in) {
        static const char *const units[] = { "ns", "us", "µs", "ms", "s", "min", "m", "h", "d", "B", "kB", "KB", "KiB", "K",
                                             "MB", "MiB", "M", "GB", "GiB", "G", "TB", "TiB", "%", "Z" };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                size_t n = strlen(units[i]);

                if (in.n >= n && memcmp(in.s, units[i], n) == 0 && !is_word(at(in, n)))
                        return n;
        }
        return 0;
}

/* Between two digits of one number, date or time. */
static bool joins_digits(char c) {
        return c == '.' || c == ',' || c == ':' || c == '-' || c == '/' || c == 'T' || c == '+' || c == 'e' || c == 'E';
}

/* Of a number that begins with a digit. 0 when it is the begin of a word ("3rd", "2a7f..."). */
static size_t number_length(Span in) {
        size_t n = 0;

        if (at(in, 0) == '0' && (at(in, 1) == 'x' || at(in, 1) == 'X')) {
                n = span_of(rest(in, 2), is_hex);
                return n > 0 && !is_word(at(in, 2 + n)) ? 2 + n : 0;
        }
        while (is_digit(at(in, n))) {
                n += span_of(rest(in, n), is_digit);
                if (joins_digits(at(in, n)) && is_digit(at(in, n + 1)))
                        n++;
        }
        n += unit_length(rest(in, n));
        return n == 0 || is_word(at(in, n)) ? 0 : n;
}

/* "v1", "V12": the version of an interface, which is a part of its name. */
static bool is_version(Span word) {
        return (word.n == 2 || word.n == 3) && (word.s[0] == 'v' || word.s[0] == 'V') && is_digit(word.s[1]) &&
               (word.n == 2 || is_digit(word.s[2]));
}

/* Nobody would call a thing so: hex digits, or letters and digits in turns. */
static bool is_id(Span word) {
        size_t turns = 0;

        if (!has_digit(word))
                return false;
        if (word.n >= HEX_MIN && span_of(word, is_hex) == word.n)
                return true;
        for (size_t i = 1; i < word.n; i++)
                turns += is_digit(word.s[i - 1]) != is_digit(word.s[i]);
        return word.n >= MIXED_MIN && turns >= 3;
}

/* --- Output ---------------------------------------------------------------------------------------------------------- */

typedef struct Output {
        char *s;
        size_t n;
} Output;

static void put(Output *out, char c) {
        out->s[out->n++] = c;
}

/* Two marks beside each other are one. */
static void put_mark(Output *out) {
        if (out->n == 0 || out->s[out->n - 1] != MARK)
                put(out, MARK);
}

/* A word is an id as a whole, else only its digits go: "worker12" and "worker7" are the same. */
static void put_word(Output *out, Span word) {
        if (is_version(word))
                for (size_t i = 0; i < word.n; i++)
                        put(out, word.s[i]);
        else if (is_id(word))
                put_mark(out);
        else
                for (size_t i = 0; i < word.n; i++) {
                        if (is_digit(word.s[i]))
                                put_mark(out);
                        else
                                put(out, word.s[i]);
                }
}

static bool in_segment(char c) {
        return is_word(c) || c == '.' || c == '-' || c == '~' || c == '%' || c == '+' || c == '@' || c == MARK;
}

static bool in_query(char c) {
        return in_segment(c) || strchr("=&/;,[]", c);
}

static void put_segment(Output *out, Span segment) {
        if (!is_version(segment) && has_digit(segment)) {
                put_mark(out);
                return;
        }
        for (size_t i = 0; i < segment.n; i++)
                put(out, segment.s[i]);
}

/* From a slash on, as far as the path goes. */
static size_t put_path(Output *out, Span in) {
        size_t i = 0;

        while (at(in, i) == '/') {
                size_t n = span_of(rest(in, i + 1), in_segment);

                while (n > 0 && in.s[i + n] == '.' && !in_segment(at(in, i + 1 + n)) && at(in, i + 1 + n) != '/')
                        n--; /* the sentence's */
                put(out, '/');
                put_segment(out, (Span) { in.s + i + 1, n });
                i += 1 + n;
        }
        if (at(in, i) == '?' && in_query(at(in, i + 1))) {
                put(out, '?');
                put_mark(out);
                i += 1 + span_of(rest(in, i + 1), in_query);
        }
        return i;
}

/* --- All of it ------------------------------------------------------------------------------------------------------- */

/* What begins at a word's begin, or at a sign before a number. */
static size_t whole_length(Span in) {
        size_t n;

        in.n = MIN(in.n, WHOLE_MAX);
        if ((n = uuid_length(in)) > 0 || (n = mail_length(in)) > 0)
                return n;
        n = ipv6_length(in);
        if (is_digit(at(in, 0)))
                return MAX(n, number_length(in));
        if (n > 0)
                return n;
        if ((at(in, 0) == '-' || at(in, 0) == '+') && is_digit(at(in, 1)) && (n = number_length(rest(in, 1))) > 0)
                return n + 1;
        return 0;
}

static size_t put_quoted(Output *out, Span in, size_t n) {
        put(out, in.s[0]);
        put(out, MARK);
        put(out, in.s[n - 1]);
        return n;
}

/* How much of in it has dealt with. */
static size_t step(Output *out, Span in, char before) {
        size_t n = quoted_length(in, before);

        if (n > 2)
                return put_quoted(out, in, n);
        n = is_word(before) ? 0 : whole_length(in);
        if (n > 0) {
                put_mark(out);
                return n;
        }
        if (in.s[0] == '/')
                return put_path(out, in);
        n = span_of(in, is_word);
        if (n > 0) {
                put_word(out, (Span) { in.s, n });
                return n;
        }
        if (in.s[0] == MARK)
                put_mark(out);
        else if (in.s[0] != ' ' || (out->n > 0 && out->s[out->n - 1] != ' '))
                put(out, in.s[0]);
        return 1;
}

size_t message_mask(const char *message, size_t size, char *ret) {
        Output out = { .s = ret };
        char before = ' ';

        for (size_t i = 0; i < size;) {
                i += step(&out, (Span) { message + i, size - i }, before);
                before = message[i - 1];
        }
        ret[out.n] = 0;
        return out.n;
}
