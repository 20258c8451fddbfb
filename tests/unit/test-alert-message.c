/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>

#include "basic/string-util.h"
#include "metricsd/alert/field.h"
#include "metricsd/alert/notice-message.h"
#include "metricsd/alert/notify-desktop.h"
#include "metricsd/alert/notify-params.h"

#define ACTIVE                                                                                                          \
        "{\"id\":\"alert-1\",\"metric\":\"service.responseTime\",\"value\":6000,\"service\":\"training\","              \
        "\"rules\":[\"slow\"],\"decidedBy\":\"slow\",\"severity\":\"warning\",\"action\":\"notify\","                   \
        "\"timestamp\":\"2026-01-31T08:15:30.123Z\",\"status\":\"active\",\"remediation\":\"none\","                    \
        "\"journal\":[\"2026-01-31T08:15:29.000Z one\",\"2026-01-31T08:15:30.000Z two <b>&</b>\"]}"

static json_object *alert_with(const char *more) {
        json_object *json = json_tokener_parse(ACTIVE), *over = json_tokener_parse(more);

        cr_assert(json && over, "%s", more);
        json_object_object_foreach(over, name, value) {
                cr_assert_eq(json_object_object_add(json, name, json_object_get(value)), 0);
        }
        json_object_put(over);
        return json;
}

Test(alert_message, summary) {
        static const struct {
                const char *more, *summary;
        } cases[] = {
                { "{}", "training: service.responseTime is 6000 ms" },
                { "{\"value\":0.7,\"metric\":\"service.errorRate\"}", "training: service.errorRate is 0.7" },
                { "{\"value\":4294967296,\"metric\":\"service.memory\"}", "training: service.memory is 4.2949673e+09 bytes" },
                { "{\"value\":12.5,\"metric\":\"service.cpu\"}", "training: service.cpu is 12.5 %" },
                { "{\"value\":2400,\"metric\":\"provider.latency\",\"service\":null}", "provider.latency is 2400 ms" },
                { "{\"value\":95,\"metric\":\"budget.percent\",\"service\":\"budget\"}", "budget: budget.percent is 95 %" },
                { "{\"group\":[\"a\",\"b\",\"c\"]}", "3 services: service.responseTime is 6000 ms" },
                { "{\"group\":[]}", "training: service.responseTime is 6000 ms" },
                { "{\"status\":\"resolved\"}", "training: service.responseTime is well again" },
                { "{\"metric\":null,\"value\":null,\"service\":7}", " is 0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *alert = alert_with(cases[i].more);
                _cleanup_(freep) char *summary = message_summary(alert);

                cr_expect_str_eq(summary, cases[i].summary, "%s: %s", cases[i].more, summary);
        }
}

Test(alert_message, text) {
        static const struct {
                const char *more, *text;
        } cases[] = {
                { "{}", "Rule slow\n2026-01-31T08:15:30.000Z two <b>&</b>" },
                { "{\"journal\":[],\"decidedBy\":\"\"}", "" },
                { "{\"journal\":[],\"status\":\"resolved\",\"resolvedAt\":\"2026-01-31T08:17:35.123Z\","
                  "\"description\":\"Tell me\"}",
                  "Tell me\nRule slow\nIt lasted 2min 5s." },
                { "{\"journal\":[],\"action\":\"restart-service\",\"remediation\":\"done\"}",
                  "Rule slow\nrestart-service: done" },
                { "{\"journal\":[],\"action\":\"restart-service\",\"remediation\":\"failed\","
                  "\"remediationError\":\"did not restart\"}",
                  "Rule slow\nrestart-service: failed\ndid not restart" },
                { "{\"journal\":[],\"action\":\"restart-service\",\"remediation\":\"refused\","
                  "\"remediationRefused\":\"it was stopped\"}",
                  "Rule slow\nNothing was done: it was stopped" },
                { "{\"journal\":[],\"precededBy\":{\"kind\":\"reload\",\"text\":\"meta was reloaded\"}}",
                  "Rule slow\nShortly before: meta was reloaded" },
                /* What is not as it should be is left out. */
                { "{\"journal\":[null],\"precededBy\":5,\"status\":\"resolved\",\"resolvedAt\":\"soon\"}", "Rule slow" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *alert = alert_with(cases[i].more);
                _cleanup_(freep) char *text = message_text(alert);

                cr_expect_str_eq(text, cases[i].text, "%s: %s", cases[i].more, text);
        }
}

Test(alert_message, as_json) {
        _cleanup_(json_object_putp) json_object *alert = alert_with("{}"), *json = message_to_json(alert);
        json_object *inner = NULL;

        cr_assert(json_object_object_get_ex(json, "alert", &inner));
        cr_expect_eq(inner, alert);
        cr_assert_eq(json_object_object_add(json, "alert", NULL), 0);
        cr_expect_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                         "{\"type\":\"alert\",\"status\":\"active\",\"alert\":null}");
}

Test(alert_message, for_alertmanager) {
        _cleanup_(json_object_putp) json_object *active = alert_with("{}"),
                                                *over = alert_with("{\"status\":\"resolved\",\"service\":null,"
                                                                   "\"resolvedAt\":\"2026-01-31T08:17:35.123Z\"}");
        _cleanup_(json_object_putp) json_object *a = message_to_alertmanager(active, "box", "http://localhost:3010/x"),
                                                *b = message_to_alertmanager(over, "", NULL);

        cr_expect_str_eq(json_object_to_json_string_ext(a, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                         "{\"labels\":{\"alertname\":\"service.responseTime\",\"instance\":\"box\",\"severity\":\"warning\","
                         "\"service\":\"training\"},\"annotations\":{\"summary\":"
                         "\"training: service.responseTime is 6000 ms\",\"description\":"
                         "\"Rule slow\\n2026-01-31T08:15:30.000Z two <b>&</b>\",\"rule\":\"slow\",\"alert_id\":\"alert-1\"},"
                         "\"startsAt\":\"2026-01-31T08:15:30.123Z\",\"generatorURL\":\"http://localhost:3010/x\"}");
        /* An empty label would be none; without an end it goes on. */
        cr_expect_str_eq(json_object_to_json_string_ext(b, JSON_C_TO_STRING_PLAIN),
                         "{\"labels\":{\"alertname\":\"service.responseTime\",\"severity\":\"warning\"},"
                         "\"annotations\":{\"summary\":\"service.responseTime is well again\",\"description\":"
                         "\"Rule slow\\nIt lasted 2min 5s.\\n2026-01-31T08:15:30.000Z two <b>&<\\/b>\",\"rule\":\"slow\",\"alert_id\":"
                         "\"alert-1\"},\"startsAt\":\"2026-01-31T08:15:30.123Z\",\"endsAt\":"
                         "\"2026-01-31T08:17:35.123Z\"}");
}

Test(alert_message, escaped_for_the_desktop) {
        _cleanup_(freep) char *text = desktop_escape("<b>a & b</b>\n\"c\" d\xc3\xa9"), *empty = desktop_escape("");

        cr_expect_str_eq(text, "&lt;b&gt;a &amp; b&lt;/b&gt;\n\"c\" d\xc3\xa9");
        cr_expect_str_eq(empty, "");
}

/* --- Whom a rule tells --- */

Test(alert_message, params) {
        static const struct {
                const char *params;
                bool desktop, alertmanager;
                const char *webhook, *credential;
        } cases[] = {
                { "null", true, false, NULL, NULL },
                { "{}", true, false, NULL, NULL },
                { "{\"webhook\":\"http://a/\"}", false, false, "http://a/", NULL },
                { "{\"webhook\":\"http://a/\",\"desktop\":true,\"format\":\"json\"}", true, false, "http://a/", NULL },
                { "{\"webhook\":\"http://a/\",\"format\":\"alertmanager\",\"credential\":\"c\"}", false, true, "http://a/",
                  "c" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *json = json_tokener_parse(cases[i].params);
                NotifyParams p = notify_params_read(json);

                cr_expect_eq(p.desktop, cases[i].desktop, "%s", cases[i].params);
                cr_expect_eq(p.alertmanager, cases[i].alertmanager, "%s", cases[i].params);
                cr_expect_str_eq(strna(p.webhook), strna(cases[i].webhook));
                cr_expect_str_eq(strna(p.credential), strna(cases[i].credential));
        }
}

Test(alert_message, address) {
        static const struct {
                const char *webhook;
                bool alertmanager;
                const char *url;
        } cases[] = {
                { "http://h:9093", true, "http://h:9093/api/v2/alerts" },
                { "http://h:9093/", true, "http://h:9093/api/v2/alerts" },
                { "https://h/am/api/v2/alerts", true, "https://h/am/api/v2/alerts" },
                { "http://[::1]:9093?a=b", true, "http://[::1]:9093/api/v2/alerts?a=b" },
                { "http://h:9093", false, "http://h:9093" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                NotifyParams p = { .webhook = cases[i].webhook, .alertmanager = cases[i].alertmanager };
                _cleanup_(freep) char *url = notify_params_url(&p);

                cr_expect_str_eq(strna(url), cases[i].url);
        }
}

Test(alert_message, several_in_one_body) {
        _cleanup_(json_object_putp) json_object *one = alert_with("{}"), *two = alert_with("{\"service\":\"meta\"}");
        _cleanup_(json_object_putp) json_object *json = NULL;
        NotifyParams p = { .webhook = "http://h", .alertmanager = true };
        _cleanup_(freep) char *body = notify_params_body(&p, (json_object *[]) { one, two }, 2, "box", NULL);

        json = json_tokener_parse(body);
        cr_assert(json_object_is_type(json, json_type_array));
        cr_expect_eq(json_object_array_length(json), 2);
}

Test(alert_message, receivers) {
        NotifyParams a = { .webhook = "http://h/", .alertmanager = true }, b = a;

        cr_expect(notify_params_same_receiver(&a, &b));
        b.credential = "c";
        cr_expect(!notify_params_same_receiver(&a, &b));
        b = a;
        b.alertmanager = false;
        cr_expect(!notify_params_same_receiver(&a, &b));
        b = a;
        b.webhook = "http://h/x";
        cr_expect(!notify_params_same_receiver(&a, &b));
}

Test(alert_message, credential) {
        _cleanup_(freep) char *authorization = NULL, *problem = NULL;
        char directory[] = "/tmp/tooloo-credential-XXXXXX", path[64];
        NotifyParams p = { .credential = "hook" };
        FILE *f;

        cr_assert(mkdtemp(directory));
        cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
        cr_expect_eq(notify_params_authorization(&p, &authorization, &problem), -EACCES);
        cr_expect(startswith(problem, "the credential hook cannot be read: No such file"), "%s", problem);

        (void) snprintf(path, sizeof(path), "%s/hook", directory);
        f = fopen(path, "we");
        cr_assert(f);
        cr_assert_geq(fputs("Bearer abc\nmore\n", f), 0);
        cr_assert_eq(fclose(f), 0);
        cr_expect_eq(notify_params_authorization(&p, &authorization, &problem), 0);
        cr_expect_str_eq(authorization, "Bearer abc");
        free(TAKE_PTR(authorization));

        p.credential = NULL;
        cr_expect_eq(notify_params_authorization(&p, &authorization, &problem), 0);
        cr_expect_null(authorization);
        cr_assert_eq(unlink(path), 0);
        cr_assert_eq(rmdir(directory), 0);
}
