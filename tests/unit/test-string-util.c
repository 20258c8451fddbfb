/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <limits.h>

#include "basic/string-util.h"

Test(string_util, affixes) {
        cr_expect_str_eq(startswith("abc", "ab"), "c");
        cr_expect_str_eq(startswith("abc", ""), "abc");
        cr_expect_str_empty(startswith("abc", "abc"));
        cr_expect_null(startswith("abc", "abcd"));
        cr_expect_null(startswith("", "a"));
        cr_expect(endswith("a.so", ".so"));
        cr_expect(endswith(".so", ".so"));
        cr_expect(endswith("a", ""));
        cr_expect(!endswith("so", ".so"));
        cr_expect(!endswith("a.so.1", ".so"));
        cr_expect_str_eq(strna(NULL), "n/a");
        cr_expect_str_empty(strna(""));
}

Test(string_util, printf) {
        char *s = str_printf("%s-%d", "a", 1), *before = s;

        cr_assert_str_eq(s, "a-1");
        cr_assert_eq(str_replace_printf(&s, "%s+%s", s, before), 0); /* may name what it replaces */
        cr_expect_str_eq(s, "a-1+a-1");
        free(s);
}

Test(string_util, service_id) {
        static const char *const good[] = { "a", "web", "next-domain2", "a-", "abcdefghijklmnopqrstuvwxyz012345" };
        static const char *const bad[] = {
                "", "-a", "1a", "Web", "a_b", "a.b", "a/b", "a b", "\xc3\xa4", "abcdefghijklmnopqrstuvwxyz0123456",
        };

        cr_assert_eq(strlen(good[4]), 32);
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                cr_expect(service_id_valid(good[i]), "%s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                cr_expect(!service_id_valid(bad[i]), "%s", bad[i]);
}

Test(string_util, token_span) {
        static const char characters[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

        for (int c = 0; c < 256; c++) {
                char s[] = { 'x', (char) c, 'y', '\0' };
                size_t expected = c != 0 && strchr(characters, c) ? 3 : 1;

                cr_expect_eq(token_span(s), expected, "character %d", c);
        }
        cr_expect_eq(token_span(""), 0);
        cr_expect_eq(token_span(characters), strlen(characters));
}

Test(string_util, parse_uint) {
        static const struct {
                const char *text;
                unsigned long min, max;
                int result;
                unsigned long value;
        } cases[] = {
                { "10", 10, 20, 0, 10 },       { "20", 10, 20, 0, 20 },      { "9", 10, 20, -ERANGE, 7 },
                { "21", 10, 20, -ERANGE, 7 },  { "0", 0, 0, 0, 0 },          { "007", 0, 9, 0, 7 },
                { "", 0, 9, -EINVAL, 7 },      { "-1", 0, 9, -EINVAL, 7 },   { "+1", 0, 9, -EINVAL, 7 },
                { " 1", 0, 9, -EINVAL, 7 },    { "1 ", 0, 9, -EINVAL, 7 },   { "0x1", 0, 9, -EINVAL, 7 },
                { "1e3", 0, 9999, -EINVAL, 7 }, { "1.0", 0, 9, -EINVAL, 7 }, { "x", 0, 9, -EINVAL, 7 },
                { "18446744073709551615", 0, ULONG_MAX, 0, ULONG_MAX },
                { "18446744073709551616", 0, ULONG_MAX, -ERANGE, 7 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned long value = 7;

                cr_expect_eq(parse_uint(cases[i].text, cases[i].min, cases[i].max, &value), cases[i].result, "'%s'",
                             cases[i].text);
                cr_expect_eq(value, cases[i].value, "'%s'", cases[i].text);
        }
}

Test(string_util, edit_distance) {
        char longest[65] = "", longer[66] = "";

        cr_expect_eq(edit_distance("", ""), 0);
        cr_expect_eq(edit_distance("training", "training"), 0);
        cr_expect_eq(edit_distance("trainig", "training"), 1);
        cr_expect_eq(edit_distance("cupp", "cup"), 1);
        cr_expect_eq(edit_distance("wep", "web"), 1);
        cr_expect_eq(edit_distance("kitten", "sitting"), 3);
        cr_expect_eq(edit_distance("", "abc"), 3);
        memset(longest, 'a', 64);
        memset(longer, 'a', 65);
        cr_expect_eq(edit_distance(longest, "b"), 64);
        cr_expect_eq(edit_distance(longest, longest), 0);
        cr_expect_eq(edit_distance(longer, longest), 65); /* not compared any more */
}

Test(string_util, utf8_clean) {
        static const struct {
                const char *in, *out;
        } cases[] = {
                { "", "" },
                { "plain\n\x7f", "plain\n\x7f" },
                { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
                { "\x80" "a\xbf", "?a?" },
                { "\xc3", "?" },                     /* cut off */
                { "a\xe2\x82", "a??" },
                { "\xf0\x9f\x98z", "???z" },
                { "\xc0\xaf", "??" },                /* overlong */
                { "\xe0\x9f\xbf", "???" },
                { "\xf0\x8f\xbf\xbf", "????" },
                { "\xed\x9f\xbf", "\xed\x9f\xbf" }, /* U+D7FF */
                { "\xed\xa0\x80", "???" },          /* a surrogate */
                { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" }, /* U+10FFFF */
                { "\xf4\x90\x80\x80", "????" },
                { "\xff\xc3\xa4", "?\xc3\xa4" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *s = strdup(cases[i].in);

                cr_assert(s);
                utf8_clean(s, strlen(s));
                cr_expect_str_eq(s, cases[i].out, "case %zu", i);
                free(s);
        }
}

Test(string_util, utf8_clean_goes_beyond_a_nul) {
        char s[] = "a\0\xff";

        utf8_clean(s, 3);
        cr_expect_arr_eq(s, "a\0?", 4);
}
