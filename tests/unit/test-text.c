/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <locale.h>

#include "../../ctl/text.h"
#include "basic/macro.h"
#include "basic/string-util.h"

static void utf8_locale(void) {
        cr_assert(setlocale(LC_CTYPE, "C.UTF-8"));
}

Test(text, clean) {
        static const struct {
                const char *text;
                const char *line;
                const char *lines;
        } cases[] = {
                { "plain", "plain", "plain" },
                { "", "", "" },
                { "a\nb\tc\rd", "a b c d", "a\nb\tc d" },
                { "\033[31mred\007", " [31mred ", " [31mred " },
                { "\x7f", " ", " " },
                { "\xc2\x9b" "1m", " 1m", " 1m" }, /* CSI in one character */
                { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                  "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
                { "\xff" "a", "\xef\xbf\xbd" "a", "\xef\xbf\xbd" "a" },
                { "\xc3", "\xef\xbf\xbd", "\xef\xbf\xbd" },                                         /* cut short */
                { "\xc0\x8a", "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd" },             /* overlong line feed */
                { "\xe0\x82\xac", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *line = text_clean(cases[i].text, strlen(cases[i].text));
                _cleanup_(freep) char *lines = text_clean_lines(cases[i].text, strlen(cases[i].text));

                cr_expect_str_eq(line, cases[i].line, "%zu", i);
                cr_expect_str_eq(lines, cases[i].lines, "%zu", i);
        }
}

Test(text, width, .init = utf8_locale) {
        cr_expect_eq(text_width(""), 0);
        cr_expect_eq(text_width("plain"), 5);
        cr_expect_eq(text_width("caf\xc3\xa9"), 4);
        cr_expect_eq(text_width("\xe6\xbc\xa2\xe5\xad\x97"), 4); /* two of double width */
        cr_expect_eq(text_width("\xff"), 4);                     /* shown as \xff */
}

Test(text, width_in_ascii) {
        cr_expect_eq(text_width("plain"), 5);
        cr_expect_eq(text_width("caf\xc3\xa9"), 3 + 2 * 4);
}

Test(text, ellipsize, .init = utf8_locale) {
        static const struct {
                const char *text;
                size_t width;
                const char *cut;
        } cases[] = {
                { "quick", 5, "quick" }, { "quick", 4, "qui…" }, { "quick", 1, "…" }, { "quick", 0, "" },
                { "", 0, "" },           { "h\xc3\xa9llo", 3, "h\xc3\xa9…" },
                { "\xe6\xbc\xa2\xe5\xad\x97x", 4, "\xe6\xbc\xa2…" }, /* half of a wide one is none of it */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *cut = text_ellipsize(cases[i].text, cases[i].width);

                cr_expect_str_eq(cut, cases[i].cut, "%s, %zu", cases[i].text, cases[i].width);
        }
}

Test(text, ellipsize_in_ascii) {
        _cleanup_(freep) char *cut = text_ellipsize("hello, world", 8), *none = text_ellipsize("hello", 2);

        cr_expect_str_eq(cut, "hello...");
        cr_expect_str_eq(none, "");
}

Test(text, wrap, .init = utf8_locale) {
        static const struct {
                const char *text;
                size_t width, n;
        } cases[] = {
                { "", 10, 0 },          { "ten column", 10, 10 }, { "ten columns", 10, 3 },  { "ten columns", 11, 11 },
                { "ten columns", 3, 3 }, { "a b c d", 4, 3 },      { "a b c d", 5, 5 },       { "incredible", 4, 4 },
                { "incredible", 1, 1 }, { "h\xc3\xa9 llo", 2, 3 }, { "\xe6\xbc\xa2x", 1, 3 }, /* wider than the line */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(text_wrap(cases[i].text, cases[i].width), cases[i].n, "case %zu: %zu", i,
                             text_wrap(cases[i].text, cases[i].width));
}
