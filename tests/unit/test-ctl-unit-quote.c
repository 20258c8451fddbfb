/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "ctl/services/unit-quote.h"
#include "shared/strv.h"

static void expect(char *(*quote)(const char *s), const char *s, const char *expected) {
        _cleanup_(freep) char *quoted = quote(s);

        cr_assert_not_null(quoted);
        cr_expect_str_eq(quoted, expected, "'%s' became '%s', not '%s'", s, quoted, expected);
}

Test(unit_quote, arguments) {
        expect(unit_quote_argument, "server.js", "server.js");
        expect(unit_quote_argument, "--port=4000", "--port=4000");
        expect(unit_quote_argument, "", "\"\"");
        expect(unit_quote_argument, "two words", "\"two words\"");
        expect(unit_quote_argument, "$HOME", "$$HOME");
        expect(unit_quote_argument, "100%", "100%%");
        expect(unit_quote_argument, "%h $x", "\"%%h $$x\"");
        expect(unit_quote_argument, "say \"hi\"", "\"say \\\"hi\\\"\"");
        expect(unit_quote_argument, "it's", "\"it's\"");
        expect(unit_quote_argument, "a\\b", "\"a\\\\b\"");
        expect(unit_quote_argument, "a\nb\tc\033", "\"a\\nb\\tc\\x1b\"");
        expect(unit_quote_argument, ";", "\";\"");
        expect(unit_quote_argument, "#", "\"#\"");
        expect(unit_quote_argument, "ä€", "ä€");
}

Test(unit_quote, other_words) {
        expect(unit_quote_word, "A=$HOME", "\"A=$HOME\"");
        expect(unit_quote_word, "A=1 2", "\"A=1 2\"");
        expect(unit_quote_word, "A=100%", "A=100%%");
        expect(unit_quote_value, "/srv/50% off", "/srv/50%% off");
}

/* What the reader of [X-Tooloo] makes of it is what was given. */
Test(unit_quote, own_lists) {
        static const char *const words[] = { "/srv/a", "/srv/two words", "/a'b", "/a\"b", "\"'\"'", "'", "\"", "" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_(freep) char *quoted = unit_quote_own(words[i]);
                _cleanup_(strv_freep) char **read = NULL;

                cr_assert_not_null(quoted);
                cr_assert_eq(strv_extend_words(&read, quoted, 2), 0, "%s", quoted);
                cr_assert_eq(strv_length(read), 1u, "%s", quoted);
                cr_expect_str_eq(read[0], words[i]);
        }
}

Test(unit_quote, what_no_line_can_hold) {
        cr_expect(unit_value_valid("/srv/a b"));
        cr_expect(unit_value_valid("ä"));
        cr_expect_not(unit_value_valid(""));
        cr_expect_not(unit_value_valid("/srv/a "));
        cr_expect_not(unit_value_valid(" a"));
        cr_expect_not(unit_value_valid("/srv/a\\"));
        cr_expect_not(unit_value_valid("a\nb"));
        cr_expect_not(unit_value_valid("a\177"));
        cr_expect_not(unit_value_valid("\xff"));
        cr_expect_not(unit_text_valid("\xc0\x80"));
        cr_expect(unit_text_valid("a\nb"));
}
