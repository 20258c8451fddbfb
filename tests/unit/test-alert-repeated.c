/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "metricsd/alert/repeated.h"

Test(alert_repeated, finds_the_first) {
        static const struct {
                const char *text, *name; /* NULL for none */
        } cases[] = {
                { "{}", NULL },
                { "{\"a\":1,\"b\":2}", NULL },
                { "{\"a\":1,\"b\":2,\"a\":3}", "a" },
                { "{ \"a\" : 1 , \n\"a\"\t: 1 }", "a" },
                { "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", NULL }, /* each object has its own */
                { "{\"a\":{\"b\":1,\"c\":{\"d\":1,\"d\":2}}}", "d" },
                { "{\"a\":[{\"b\":1},{\"b\":2}]}", NULL },
                { "[{\"b\":1,\"b\":2}]", "b" },
                { "{\"a\":\"a\",\"b\":\"a\"}", NULL }, /* values are none */
                { "{\"a\":[\"a\",\"a\"]}", NULL },
                { "{\"a\":1,\"\\u0061\":2}", "a" },                    /* the same, written otherwise */
                { "{\"a\\\"b\":\":\",\"b\":\"\\\\\",\"c\":1}", NULL }, /* quotes in quotes */
                { "{\"\":1,\"\":2}", "" },
                { "{\"a\":1,\"a\\u0000b\":2}", "a" }, /* to the parser the same */
                { "{\"a\\nb\":1,\"a\\nb\":2}", "a?b" },
                /* What is no JSON is not read beyond its end. */
                { "", NULL },
                { "{\"a", NULL },
                { "{\"a\\", NULL },
                { "}}]]{\"a\":1", NULL },
                { "{\"a\"", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t size = strlen(cases[i].text);
                _cleanup_(freep) char *copy = malloc(size), *name = NULL; /* without a NUL */

                memcpy(copy, cases[i].text, size);
                cr_expect_eq(json_find_repeated(copy, size, &name), cases[i].name != NULL, "%s", cases[i].text);
                if (cases[i].name)
                        cr_expect_str_eq(name, cases[i].name, "%s", cases[i].text);
        }
}

Test(alert_repeated, as_deep_as_the_parser_goes) {
        char text[400] = "", *p = text;
        _cleanup_(freep) char *name = NULL;

        for (unsigned i = 0; i < 100; i++)
                p = stpcpy(p, "[");
        (void) stpcpy(p, "{\"a\":1,\"a\":2}");
        cr_expect_eq(json_find_repeated(text, strlen(text), &name), 0);
        memmove(text, text + 69, strlen(text + 69) + 1); /* 31 are left: its object is the 32nd */
        cr_expect_eq(json_find_repeated(text, strlen(text), &name), 1);
}
