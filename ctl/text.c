/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "basic/string-util.h"
#include "terminal.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ESCAPED_WIDTH 4            /* "\xe2" */

/* Bytes of the character that s begins with, 0 when it is not valid UTF-8 (RFC 3629: neither overlong nor surrogate).
 * Not mbrtowc(): what goes into JSON is UTF-8 in every locale. */
static size_t utf8_length(const unsigned char *s, size_t n) {
        size_t length = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 :
                        *s >= 0xf0 && *s < 0xf5 ? 4 : 0;

        if (length == 0 || length > n)
                return 0;
        for (size_t i = 1; i < length; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) || (*s == 0xf0 && s[1] < 0x90) ||
            (*s == 0xf4 && s[1] >= 0x90))
                return 0;
        return length;
}

static bool is_control(const unsigned char *s, size_t length) {
        return (length == 1 && (*s < ' ' || *s == 0x7f)) || (length == 2 && *s == 0xc2 && s[1] < 0xa0);
}

static char *clean(const char *text, size_t n, bool lines) {
        const unsigned char *s = (const unsigned char *) text;
        char *copy, *to;

        copy = to = malloc(n * strlen(REPLACEMENT) + 1);
        if (!copy)
                return NULL;
        while (n > 0) {
                size_t length = utf8_length(s, n);

                if (length == 0)
                        to = stpcpy(to, REPLACEMENT);
                else if (is_control(s, length) && !(lines && (*s == '\n' || *s == '\t')))
                        *to++ = ' ';
                else
                        to = (char *) memcpy(to, s, length) + length;
                s += MAX(length, 1u);
                n -= MAX(length, 1u);
        }
        *to = '\0';
        return copy;
}

char *text_clean(const char *s, size_t n) {
        return clean(s, n, false);
}

char *text_clean_lines(const char *s, size_t n) {
        return clean(s, n, true);
}

/* The character at s: its bytes, and its columns for *ret_width. */
static size_t next_character(const char *s, size_t *ret_width) {
        mbstate_t state = {};
        wchar_t c;
        size_t n = mbrtowc(&c, s, strlen(s), &state);
        int width;

        if (n == 0 || n > strlen(s)) {
                *ret_width = ESCAPED_WIDTH;
                return 1;
        }
        width = wcwidth(c);
        *ret_width = width < 0 ? n * ESCAPED_WIDTH : (size_t) width;
        return n;
}

size_t text_width(const char *s) {
        size_t total = 0;

        while (*s) {
                size_t width;

                s += next_character(s, &width);
                total += width;
        }
        return total;
}

char *text_ellipsize(const char *s, size_t width) {
        const char *ellipsis = terminal_utf8() ? "…" : "...", *end = s;
        size_t room = terminal_utf8() ? 1 : 3, used = 0, character;

        if (text_width(s) <= width)
                return strdup(s);
        if (room > width)
                return strdup("");
        for (;;) {
                size_t n = next_character(end, &character);

                if (used + character > width - room)
                        break;
                used += character;
                end += n;
        }
        return str_printf("%.*s%s", (int) (end - s), s, ellipsis);
}

size_t text_wrap(const char *s, size_t width) {
        const char *end = s, *blank = NULL;
        size_t used = 0, character;

        while (*end) {
                size_t n = next_character(end, &character);

                if (used + character > width)
                        break;
                if (*end == ' ')
                        blank = end;
                used += character;
                end += n;
        }
        if (!*end || *end == ' ')
                return (size_t) (end - s);
        if (blank)
                return (size_t) (blank - s);
        return end > s ? (size_t) (end - s) : next_character(s, &character);
}
