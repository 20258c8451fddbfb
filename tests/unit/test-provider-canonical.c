/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <json-c/json_tokener.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "modules/provider/canonical.h"

static void number(double value, const char *expected) {
        char text[CANONICAL_NUMBER_MAX];

        cr_assert_eq(canonical_number(value, text), 0);
        cr_expect_str_eq(text, expected);
}

/* Of the table in RFC 8785, appendix B, by their bits. */
static void bits(uint64_t value, const char *expected) {
        double d;

        memcpy(&d, &value, sizeof(d));
        number(d, expected);
}

Test(provider_canonical, numbers_of_the_rfc) {
        bits(0x0000000000000000, "0");
        bits(0x8000000000000000, "0");
        bits(0x0000000000000001, "5e-324");
        bits(0x8000000000000001, "-5e-324");
        bits(0x7fefffffffffffff, "1.7976931348623157e+308");
        bits(0x4340000000000000, "9007199254740992");
        bits(0xc340000000000000, "-9007199254740992");
        bits(0x4430000000000000, "295147905179352830000");
        bits(0x44b52d02c7e14af5, "9.999999999999997e+22");
        bits(0x44b52d02c7e14af6, "1e+23");
        bits(0x44b52d02c7e14af7, "1.0000000000000001e+23");
        bits(0x444b1ae4d6e2ef4e, "999999999999999700000");
        bits(0x444b1ae4d6e2ef4f, "999999999999999900000");
        bits(0x444b1ae4d6e2ef50, "1e+21");
        bits(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7");
        bits(0x3eb0c6f7a0b5ed8d, "0.000001");
        bits(0x41b3de4355555553, "333333333.3333332");
        bits(0x41b3de4355555555, "333333333.3333333");
        bits(0xbecbf647612f3696, "-0.0000033333333333333333");
        bits(0x43143ff3c1cb0959, "1424953923781206.2");
}

Test(provider_canonical, numbers_that_are_none) {
        char text[CANONICAL_NUMBER_MAX];

        cr_expect_eq(canonical_number(NAN, text), -ERANGE);
        cr_expect_eq(canonical_number(INFINITY, text), -ERANGE);
        cr_expect_eq(canonical_number(-INFINITY, text), -ERANGE);
}

static void same(const char *text, const char *expected) {
        json_object *json = json_tokener_parse(text);
        char *canonical = NULL;
        size_t size = 0;

        cr_assert_eq(canonical_json(json, &canonical, &size), 0, "%s", text);
        cr_expect_str_eq(canonical, expected);
        cr_expect_eq(size, strlen(expected));
        free(canonical);
        json_object_put(json);
}

Test(provider_canonical, the_example_of_the_rfc) {
        same("{ \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],"
             " \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
             " \"literals\": [null, true, false] }",
             "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
             "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

Test(provider_canonical, names_go_by_utf16) {
        /* U+FB33 comes after the surrogates of U+1F600, though its bytes come before. */
        same("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}",
             "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
        same("{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}");
}

Test(provider_canonical, what_says_the_same_is_the_same) {
        same("{\"b\":1.0,\"a\":[ ]}", "{\"a\":[],\"b\":1}");
        same("{\"a\":[],\"b\":1}", "{\"a\":[],\"b\":1}");
        same("{\"a\":{},\"b\":\"\\u0001\\b\\f\\t\"}", "{\"a\":{},\"b\":\"\\u0001\\b\\f\\t\"}");
        same("[\"a\\u0000b\"]", "[\"a\\u0000b\"]");
        same("[1e2,-0.0,-1]", "[100,0,-1]");
}

Test(provider_canonical, whole_numbers_that_no_double_holds) {
        const char *const texts[] = { "[9007199254740993]", "[-9007199254740993]" };

        same("[9007199254740992]", "[9007199254740992]");
        for (size_t i = 0; i < 2; i++) {
                json_object *json = json_tokener_parse(texts[i]);
                char *canonical = NULL;

                cr_expect_eq(canonical_json(json, &canonical, NULL), -ERANGE);
                cr_expect_null(canonical);
                json_object_put(json);
        }
}
