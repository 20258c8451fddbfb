/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "ctl/services/unit-document.h"
#include "shared/strv.h"

#define COMMENT "Why it is so,\nand on."

static const char by_hand[] =
        "# Mine\n"
        "[Unit]\n"
        "Description=One\n"
        "\n"
        "[Service]\n"
        "; not ExecStart=/bin/x\n"
        "ExecStart=/bin/a \\\n"
        "# within\n"
        "    b\n"
        "Environment=A=1\n"
        "Unknown=kept\n"
        "Environment=B=2\n"
        "\n"
        "[X-Tooloo]\n"
        "Port = 4000\n";

static void expect(const UnitDocument *d, const char *expected) {
        _cleanup_(freep) char *text = unit_document_format(d);

        cr_assert_not_null(text);
        cr_expect_str_eq(text, expected);
}

static void expect_change(const char *before, const char *section, const char *key, const char *value, const char *expected) {
        _cleanup_(unit_document_done) UnitDocument d = {};

        cr_assert_eq(unit_document_parse(before, &d), 0);
        cr_assert_eq(unit_document_set(&d, section, key, (char *[]) { (char *) value, NULL }, COMMENT), 0);
        expect(&d, expected);
}

Test(unit_document, stays_as_it_is) {
        _cleanup_(unit_document_done) UnitDocument d = {};

        cr_assert_eq(unit_document_parse(by_hand, &d), 0);
        expect(&d, by_hand);
}

Test(unit_document, values) {
        _cleanup_(unit_document_done) UnitDocument d = {};
        _cleanup_(strv_freep) char **values = NULL;

        cr_assert_eq(unit_document_parse(by_hand, &d), 0);
        cr_assert_eq(unit_document_get(&d, "Service", "ExecStart", &values), 0);
        cr_assert_eq(unit_document_get(&d, "Service", "Environment", &values), 0);
        cr_assert_eq(unit_document_get(&d, "X-Tooloo", "Port", &values), 0);
        cr_assert_eq(unit_document_get(&d, "Unit", "Port", &values), 0);
        cr_assert_eq(strv_length(values), 4u);
        cr_expect_str_eq(values[0], "/bin/a      b");
        cr_expect_str_eq(values[1], "A=1");
        cr_expect_str_eq(values[2], "B=2");
        cr_expect_str_eq(values[3], "4000");
}

Test(unit_document, a_changed_setting_keeps_its_place) {
        expect_change("[A]\nx=1\ny=2\n[B]\nx=3\n", "A", "x", "4", "[A]\nx=4\ny=2\n[B]\nx=3\n");
        expect_change("[A]\nx=1\ny=2\nx=3\n", "A", "x", "4", "[A]\nx=4\ny=2\n");
        expect_change("[A]\nx=1 \\\n# more\n 2\ny=2\n", "A", "x", "4", "[A]\nx=4\ny=2\n");
        expect_change("[A]\n xy=1\n x = 2\n", "A", "x", "4", "[A]\n xy=1\nx=4\n");
}

Test(unit_document, a_new_setting_has_its_comment) {
        expect_change("[A]\ny=2\n\n[B]\nx=3\n", "A", "x", "4",
                      "[A]\ny=2\n# Why it is so,\n# and on.\nx=4\n\n[B]\nx=3\n");
        expect_change("[B]\nx=3\n", "A", "x", "4", "[B]\nx=3\n\n[A]\n# Why it is so,\n# and on.\nx=4\n");
        expect_change("", "A", "x", "4", "[A]\n# Why it is so,\n# and on.\nx=4\n");
}

Test(unit_document, the_comment_goes_with_it) {
        expect_change("[A]\n# Why it is so,\n# and on.\nx=4\ny=2\n", "A", "x", NULL, "[A]\ny=2\n");
        expect_change("[A]\n# Why it is so,\n# in my words.\nx=4\ny=2\n", "A", "x", NULL,
                      "[A]\n# Why it is so,\n# in my words.\ny=2\n");
        expect_change("[A]\ny=2\n", "A", "x", NULL, "[A]\ny=2\n");
}

static int begins_with_b(const char *value, void *userdata) {
        return *value == 'B';
}

Test(unit_document, some_of_several) {
        _cleanup_(unit_document_done) UnitDocument d = {};

        cr_assert_eq(unit_document_parse("[A]\nx=A=1\nx=B=1\nx=C=1\n", &d), 0);
        cr_assert_eq(unit_document_set_some(&d, "A", "x", (char *[]) { (char *) "B=2", NULL }, "", begins_with_b, NULL), 0);
        expect(&d, "[A]\nx=A=1\nx=B=2\nx=C=1\n");
        cr_assert_eq(unit_document_set_some(&d, "A", "x", NULL, "", begins_with_b, NULL), 0);
        expect(&d, "[A]\nx=A=1\nx=C=1\n");
}

Test(unit_document, limit) {
        _cleanup_(unit_document_done) UnitDocument d = {}, more = {};
        _cleanup_(freep) char *text = calloc(UNIT_DOCUMENT_LINES_MAX + 2, 1);

        cr_assert_not_null(text);
        memset(text, '\n', UNIT_DOCUMENT_LINES_MAX);
        cr_expect_eq(unit_document_parse(text, &d), 0);
        text[UNIT_DOCUMENT_LINES_MAX] = '\n';
        cr_expect_eq(unit_document_parse(text, &more), -E2BIG);
}
