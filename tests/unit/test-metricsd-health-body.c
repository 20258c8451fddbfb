/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "../../metricsd/health-body.h"
#include "basic/string-util.h"

static HealthBody parse(const char *text) {
        HealthBody body;

        health_body_parse(text, strlen(text), &body);
        return body;
}

Test(health_body, of_the_host) {
        HealthBody body = parse("{\"ok\":false,\"generation\":7,\"reason\":\"the module is being loaded\","
                                "\"metrics\":{\"requests\":12,\"errors\":3}}");

        cr_expect_eq(body.generation, 7);
        cr_expect_eq(body.requests, 12);
        cr_expect_eq(body.errors, 3);
        cr_expect_str_eq(body.reason, "the module is being loaded");
}

Test(health_body, anything_else_is_nothing) {
        static const char *const texts[] = {
                "", "OK", "[]", "null", "7", "\"generation\"", "{", "{\"generation\":1", "{\"generation\":\"1\"}",
                "{\"generation\":-1}", "{\"generation\":1.5}", "{\"generation\":null,\"reason\":7,\"metrics\":[1]}",
                "{\"metrics\":{\"requests\":\"many\",\"errors\":-2}}", "{\"reason\":\"\xff\xfe\",\"generation\":1}",
                "<html>generation</html>",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                HealthBody body = parse(texts[i]);

                cr_expect_eq(body.generation, 0, "%s", texts[i]);
                cr_expect_eq(body.requests, UINT64_MAX, "%s", texts[i]);
                cr_expect_eq(body.errors, UINT64_MAX, "%s", texts[i]);
                cr_expect_str_empty(body.reason, "%s", texts[i]);
        }
}

Test(health_body, not_terminated) {
        HealthBody body;

        health_body_parse("{\"generation\":12}34", strlen("{\"generation\":12}"), &body);
        cr_expect_eq(body.generation, 12);
        health_body_parse("{\"generation\":12}", strlen("{\"generation\":1"), &body);
        cr_expect_eq(body.generation, 0);
}

Test(health_body, a_reason_is_one_short_line) {
        char text[2 * HEALTH_REASON_MAX], *end = stpcpy(text, "{\"reason\":\"");
        HealthBody body = parse("{\"reason\":\"one\\ntwo\"}");

        cr_expect_str_eq(body.reason, "one");
        body = parse("{\"reason\":\"\\u001b[31mred\"}");
        cr_expect_str_empty(body.reason);
        /* 199 letters, then one of two bytes: it does not fit whole. */
        (void) memset(end, 'x', HEALTH_REASON_MAX - 1);
        (void) stpcpy(end + HEALTH_REASON_MAX - 1, "\xc3\xa4yz\"}");
        body = parse(text);
        cr_expect_eq(strlen(body.reason), HEALTH_REASON_MAX - 1);
        /* One more letter in its place does. */
        (void) stpcpy(end + HEALTH_REASON_MAX - 1, "xyz\"}");
        body = parse(text);
        cr_expect_eq(strlen(body.reason), HEALTH_REASON_MAX);
}

Test(health_body, depth_is_limited) {
        cr_expect_eq(parse("{\"generation\":1,\"a\":[[[[[[[[[[]]]]]]]]]]}").generation, 1);
        cr_expect_eq(parse("{\"generation\":1,\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}").generation, 0);
}
