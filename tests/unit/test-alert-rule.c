/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json_tokener.h>
#include <math.h>

#include "basic/string-util.h"
#include "metricsd/alert/field.h"
#include "metricsd/alert/rule.h"
#include "metricsd/alert/silence.h"

#define GOOD                                                                                     \
        "\"metric\":\"service.responseTime\",\"operator\":\">\",\"threshold\":5000,\"severity\":" \
        "\"warning\",\"action\":\"restart-service\""

static bool exists(const char *service, void *userdata) {
        return streq(service, "training") || streq(service, "meta");
}

static int parse(const char *text, AlertRule **ret, char **ret_problem) {
        _cleanup_(json_object_putp) json_object *json = json_tokener_parse(text);

        cr_assert(json, "%s", text);
        return alert_rule_from_json(json, exists, NULL, ret, ret_problem);
}

static AlertRule *parse_good(const char *text) {
        _cleanup_(freep) char *problem = NULL;
        AlertRule *rule = NULL;

        cr_assert_eq(parse(text, &rule, &problem), 0, "%s: %s", text, strna(problem));
        return rule;
}

/* {GOOD,"name":"xx...x"} with n of them. */
static char *with_long(const char *name, size_t n) {
        _cleanup_(freep) char *fill = malloc(n + 1);

        memset(fill, 'x', n);
        fill[n] = '\0';
        return str_printf("{" GOOD ",%s%s\"}", name, fill);
}

Test(alert_rule, documented) {
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;

        rule = parse_good("{\"metric\": \"service.responseTime\", \"operator\": \">\", \"threshold\": 5000, \"severity\": "
                          "\"warning\", \"action\": \"restart-service\", \"actionParams\": {\"serviceId\": \"training\"}, "
                          "\"description\": \"Restart training if response time > 5s\"}");
        cr_expect_eq(rule->metric, METRIC_RESPONSE_TIME);
        cr_expect_eq(rule->op, OP_GT);
        cr_expect_eq(rule->threshold, 5000);
        cr_expect_eq(rule->severity, SEVERITY_WARNING);
        cr_expect_eq(rule->action, ACTION_RESTART_SERVICE);
        cr_expect_str_eq(rule->service, "training");
        cr_expect_str_eq(rule->description, "Restart training if response time > 5s");
        cr_expect_null(rule->id);
        cr_expect(rule->enabled);
        cr_expect_eq(rule->hold, 0);
        cr_expect_eq(rule->cooldown, 300 * USEC_PER_SEC);
}

Test(alert_rule, there_and_back) {
        static const char text[] = "{\"id\":\"a.b-c_1\"," GOOD ",\"actionParams\":{\"serviceId\":\"meta\"},"
                                   "\"description\":\"d\",\"service\":\"meta\",\"for\":\"1min 30s\",\"cooldown\":1500.5,"
                                   "\"enabled\":false,\"margin\":12.5,\"dryRun\":true,\"state\":\"ok\",\"efficacy\":[]}";
        _cleanup_(json_object_putp) json_object *json = NULL;
        _cleanup_(alert_rule_freep) AlertRule *rule = parse_good(text), *again = NULL;

        cr_expect_eq(rule->hold, 90 * USEC_PER_SEC);
        cr_expect_eq(rule->cooldown, 1500500);
        json = alert_rule_to_json(rule);
        cr_expect_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                         "{\"id\":\"a.b-c_1\"," GOOD ",\"actionParams\":{\"serviceId\":\"meta\"},\"description\":\"d\","
                         "\"service\":\"meta\",\"for\":90000,\"cooldown\":1500.5,\"enabled\":false,\"margin\":12.5,\"dryRun\":true}");
        again = parse_good(json_object_to_json_string(json));
        cr_expect(alert_rule_equal(rule, again));
        again->threshold += 1;
        cr_expect(!alert_rule_equal(rule, again));
        again->threshold -= 1;
        again->margin = 12;
        cr_expect(!alert_rule_equal(rule, again));
        again->margin = 12.5;
        again->dry_run = false;
        cr_expect(!alert_rule_equal(rule, again));
}

Test(alert_rule, bad_ones) {
        static const struct {
                const char *text;
                const char *problem; /* how it begins */
        } cases[] = {
                { "{}", "metric: is missing" },
                { "[]", "a rule must be an object" },
                { "{\"metric\":\"service.speed\"}", "metric: one of service.responseTime, service.health" },
                { "{\"metric\":5}", "metric: one of " },
                { "{\"metric\":null}", "metric: is missing" },
                { "{\"metric\":\"service.cpu\"}", "operator: is missing" },
                { "{\"metric\":\"service.cpu\",\"operator\":\"=\"}", "operator: one of >, <, >=, <=, ==, != is expected" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\"}", "severity: is missing" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"fatal\"}",
                  "severity: one of info, warning, critical is expected" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\"}", "action: is missing" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"reboot\"}",
                  "action: one of restart-service, reload-service, switch-provider, scale-up, notify is expected" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\"}",
                  "threshold: is missing" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":\"5000\"}", "threshold: a number is expected" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":1e999}", "threshold: a number is expected, neither infinite nor NaN" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":18446744073709551615}", "threshold: a number is expected, one so large with an exponent" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":-Infinity}", "threshold: a number is expected, neither infinite nor NaN" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":[[[[[[1]]]]]]}", "threshold: a number is expected" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":true}", "threshold: a number is expected" },
                { "{" GOOD ",\"thresh\":1}", "thresh: is no field of a rule, which are: metric, operator," },
                { "{" GOOD ",\"a\\nb\\u007f\":1}", "a?b?: is no field of a rule" },
                { "{" GOOD ",\"id\":\"\"}", "id: 1 to 64 of" },
                { "{" GOOD ",\"id\":\"a/b\"}", "id: 1 to 64 of" },
                { "{" GOOD ",\"id\":\"a\\u0000\"}", "id: 1 to 64 of" },
                { "{" GOOD ",\"id\":7}", "id: 1 to 64 of" },
                { "{" GOOD ",\"service\":\"trainer\"}", "service: the id of a service is expected, such as \"training\", and "
                                                        "there is no \"trainer\"" },
                { "{" GOOD ",\"service\":\"../x\"}", "service: the id of a service" },
                { "{" GOOD ",\"service\":\"\"}", "service: the id of a service" },
                { "{" GOOD ",\"service\":[\"meta\"]}", "service: a string is expected" },
                { "{" GOOD ",\"actionParams\":\"training\"}", "actionParams: an object is expected" },
                { "{" GOOD ",\"actionParams\":{\"serviceId\":\"trainer\"}}", "actionParams.serviceId: the id of a service" },
                { "{" GOOD ",\"actionParams\":{\"serviceId\":1}}", "actionParams.serviceId: a string is expected" },
                { "{" GOOD ",\"actionParams\":{\"serviceID\":\"training\"}}",
                  "actionParams.serviceID: is no field of the actionParams of restart-service, which are: serviceId" },
                { "{" GOOD ",\"service\":\"meta\",\"actionParams\":{\"serviceId\":\"training\"}}",
                  "service: \"meta\" is not the service that actionParams.serviceId names" },
                { "{" GOOD ",\"description\":1}", "description: a string is expected" },
                { "{" GOOD ",\"description\":\"a\\nb\"}", "description: text without control characters" },
                { "{" GOOD ",\"for\":\"5\"}", "for: a duration of at most 1d is expected, as \"30s\", \"5min\" or" },
                { "{" GOOD ",\"for\":-1}", "for: a duration" },
                { "{" GOOD ",\"for\":86400001}", "for: a duration" },
                { "{" GOOD ",\"for\":true}", "for: a duration" },
                { "{" GOOD ",\"cooldown\":\"25h\"}", "cooldown: a duration" },
                { "{" GOOD ",\"cooldown\":\"99999999999999999999h\"}", "cooldown: a duration" },
                { "{" GOOD ",\"dryRun\":\"yes\"}", "dryRun: true or false is expected" },
                { "{" GOOD ",\"margin\":-1}", "margin: a number of at least 0 is expected" },
                { "{" GOOD ",\"margin\":1e999}", "margin: a number is expected, neither infinite nor NaN" },
                { "{" GOOD ",\"margin\":NaN}", "margin: a number is expected, neither infinite nor NaN" },
                { "{" GOOD ",\"margin\":\"10 %\"}", "margin: a number is expected" },
                { "{" GOOD ",\"margin\":5000.5}", "margin: less is expected, for with it no value of service.responseTime" },
                { "{\"metric\":\"service.health\",\"operator\":\"<\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":1,\"margin\":0.1}", "margin: less is expected" },
                { "{\"metric\":\"service.cpu\",\"operator\":\">=\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":50,\"margin\":50}", "margin: less is expected" },
                { "{\"metric\":\"service.health\",\"operator\":\"<=\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":0.5,\"margin\":0.5}", "margin: less is expected" },
                { "{\"metric\":\"reload.failed\",\"operator\":\"==\",\"severity\":\"info\",\"action\":\"notify\","
                  "\"threshold\":1,\"margin\":0.1}", "margin: 0 is expected with ==" },
                { "{" GOOD ",\"enabled\":1}", "enabled: true or false is expected" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *problem = NULL;
                AlertRule *rule = (AlertRule *) &cases;

                cr_expect_eq(parse(cases[i].text, &rule, &problem), -EINVAL, "%s", cases[i].text);
                cr_expect_eq(rule, (AlertRule *) &cases);
                cr_expect(problem && startswith(problem, cases[i].problem), "%s: %s", cases[i].text, strna(problem));
        }
}

Test(alert_rule, lengths) {
        static const struct {
                const char *begin; /* what the fill stands behind */
                size_t most;
        } cases[] = {
                { "\"id\":\"", 64 },
                { "\"description\":\"", RULE_DESCRIPTION_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *most = with_long(cases[i].begin, cases[i].most), *problem = NULL;
                _cleanup_(freep) char *more = with_long(cases[i].begin, cases[i].most + 1);
                _cleanup_(alert_rule_freep) AlertRule *rule = parse_good(most), *none = NULL;

                cr_expect(rule);
                cr_expect_eq(parse(more, &none, &problem), -EINVAL, "%s", cases[i].begin);
        }
}

Test(alert_rule, durations_at_their_limit) {
        _cleanup_(alert_rule_freep) AlertRule *rule = parse_good("{" GOOD ",\"for\":\"1d\",\"cooldown\":0}");

        cr_expect_eq(rule->hold, RULE_DURATION_MAX);
        cr_expect_eq(rule->cooldown, 0);
}

/* --- actionParams --- */

static int parse_params(const char *action, const char *params, AlertRule **ret, char **ret_problem) {
        _cleanup_(freep) char *text = NULL;

        text = str_printf("{\"metric\":\"service.cpu\",\"operator\":\">\",\"severity\":\"info\",\"threshold\":1,"
                          "\"action\":\"%s\",\"actionParams\":%s}", action, params);
        return parse(text, ret, ret_problem);
}

Test(alert_rule, good_params) {
        static const struct {
                const char *action, *params;
        } cases[] = {
                { "restart-service", "{}" },
                { "reload-service", "{\"serviceId\":\"meta\"}" },
                { "switch-provider", "{}" },
                { "switch-provider", "{\"provider\":\"local\"}" },
                { "scale-up", "{}" },
                { "scale-up", "{\"max\":2}" },
                { "scale-up", "{\"max\":32,\"serviceId\":\"meta\"}" },
                { "notify", "{}" },
                { "notify", "{\"desktop\":true}" },
                { "notify", "{\"webhook\":\"http://127.0.0.1:9093/api/v2/alerts\",\"format\":\"alertmanager\"}" },
                { "notify", "{\"webhook\":\"http://a\",\"credential\":\"hook.v1\"}" },
                { "notify", "{\"webhook\":\"https://[::1]/x?y=z@w#v\",\"format\":\"json\",\"desktop\":false}" },
                { "notify", "{\"webhook\":\"http://a\",\"credential\":\"alerts.token\"}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
                _cleanup_(freep) char *problem = NULL;

                cr_expect_eq(parse_params(cases[i].action, cases[i].params, &rule, &problem), 0, "%s: %s", cases[i].params,
                             strna(problem));
        }
}

Test(alert_rule, bad_params) {
        static const struct {
                const char *action, *params, *problem;
        } cases[] = {
                { "switch-provider", "{\"provider\":\"\"}", "actionParams.provider: the name of one is expected" },
                { "switch-provider", "{\"provider\":7}", "actionParams.provider: a string is expected" },
                { "switch-provider", "{\"max\":7}", "actionParams.max: is no field of the actionParams of switch-provider" },
                { "scale-up", "{\"max\":1}", "actionParams.max: a whole number of instances in 2..32 is expected" },
                { "scale-up", "{\"max\":33}", "actionParams.max: a whole number" },
                { "scale-up", "{\"max\":4.5}", "actionParams.max: a whole number" },
                { "scale-up", "{\"max\":\"4\"}", "actionParams.max: a whole number" },
                { "scale-up", "{\"max\":18446744073709551615}", "actionParams.max: a whole number" },
                { "notify", "{\"desktop\":1}", "actionParams.desktop: true or false is expected" },
                { "notify", "{\"desktop\":false}", "actionParams.webhook: is missing; with desktop false nobody" },
                { "notify", "{\"format\":\"json\"}", "actionParams.webhook: is missing; format is the format of one" },
                { "notify", "{\"webhook\":\"http://a\",\"format\":\"xml\"}",
                  "actionParams.format: one of json, alertmanager is expected" },
                { "notify", "{\"webhook\":\"ftp://a\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http://\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http:///x\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http://:80/x\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http://me:secret@host/\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http://a:99999/\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http://[zz]/\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"credential\":\"c\"}", "actionParams.webhook: is missing; credential is that of one" },
                { "notify", "{\"webhook\":\"http://a\",\"credential\":\"a/b\"}", "actionParams.credential: 1 to 64 of" },
                { "notify", "{\"webhook\":\"http://a b/\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":\"http://a/\\u00e4\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"webhook\":{\"url\":\"http://a\"}}", "actionParams.webhook: a string is expected" },
                { "notify", "{\"webhook\":\"http://a:99999/\"}", "actionParams.webhook: a URL as " },
                { "notify", "{\"credential\":\"hook\"}", "actionParams.webhook: is missing; credential is that of one" },
                { "notify", "{\"webhook\":\"http://a\",\"credential\":\"../x\"}", "actionParams.credential: 1 to 64 of" },
                { "notify", "{\"webhook\":\"http://a\",\"credential\":\"..\"}", "actionParams.credential: the name" },
                { "notify", "{\"text\":\"x\"}", "actionParams.text: is no field of the actionParams of notify" },
                { "notify", "[]", "actionParams: an object is expected" },
                { "notify", "{\"serviceId\":{\"a\":{\"b\":{}}}}", "actionParams.serviceId: a string is expected" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
                _cleanup_(freep) char *problem = NULL;

                cr_expect_eq(parse_params(cases[i].action, cases[i].params, &rule, &problem), -EINVAL, "%s", cases[i].params);
                cr_expect(problem && startswith(problem, cases[i].problem), "%s: %s", cases[i].params, strna(problem));
        }
}

static char *webhook_of(size_t n) {
        _cleanup_(freep) char *fill = malloc(n + 1);

        memset(fill, 'x', n);
        fill[n] = '\0';
        memcpy(fill, "http://a/", strlen("http://a/"));
        return str_printf("{\"webhook\":\"%s\"}", fill);
}

Test(alert_rule, webhooks_at_their_limit) {
        for (size_t more = 0; more <= 1; more++) {
                _cleanup_(freep) char *params = webhook_of(1000 + more), *problem = NULL;
                _cleanup_(alert_rule_freep) AlertRule *rule = NULL;

                cr_expect_eq(parse_params("notify", params, &rule, &problem), more ? -EINVAL : 0, "%zu", more);
        }
}

/* Before anything is looked at in them. */
Test(alert_rule, params_at_their_limit) {
        for (size_t more = 0; more <= 1; more++) {
                _cleanup_(freep) char *fill = calloc(1, RULE_PARAMS_MAX), *params = NULL, *problem = NULL;
                _cleanup_(alert_rule_freep) AlertRule *rule = NULL;

                memset(fill, 'x', RULE_PARAMS_MAX - 11 + more); /* {"text":"..."} is 11 bytes around the text */
                params = str_printf("{\"text\":\"%s\"}", fill);
                cr_expect_eq(parse_params("notify", params, &rule, &problem), -EINVAL);
                cr_expect(startswith(problem, more ? "actionParams: at most 2048" : "actionParams.text: "), "%s", problem);
        }
}

/* What is printed reads as the same, however it was written. */
Test(alert_rule, durations_there_and_back) {
        static const char *const durations[] = { "1.005", "0.001", "1500.5", "33.333", "86400000", "4.35", "\"1h 3ms\"" };

        for (size_t i = 0; i < ELEMENTSOF(durations); i++) {
                _cleanup_(freep) char *text = str_printf("{" GOOD ",\"for\":%s}", durations[i]);
                _cleanup_(alert_rule_freep) AlertRule *rule = parse_good(text), *again = NULL;
                _cleanup_(json_object_putp) json_object *json = alert_rule_to_json(rule);

                again = parse_good(json_object_to_json_string(json));
                cr_expect_eq(again->hold, rule->hold, "%s", durations[i]);
        }
}

Test(alert_rule, generated_ids) {
        AlertRule rule = { .metric = METRIC_RESPONSE_TIME, .service = (char *) "training" };
        _cleanup_(freep) char *first = alert_rule_make_id(&rule, 1), *second = alert_rule_make_id(&rule, 2), *longest = NULL;

        cr_expect_str_eq(first, "service.responseTime-training-restart-service");
        cr_expect_str_eq(second, "service.responseTime-training-restart-service-2");
        rule.metric = METRIC_PROVIDER_SUCCESS_RATE;
        rule.service = (char *) "a-service-with-an-id-of-32-chars";
        longest = alert_rule_make_id(&rule, 200);
        cr_expect(field_id_valid(longest), "%s", longest);
}

Test(alert_rule, the_defaults_are_rules) {
        for (const char *const *text = alert_default_rules; *text; text++) {
                _cleanup_(alert_rule_freep) AlertRule *rule = parse_good(*text);

                cr_expect(rule->id);
        }
}

/* --- Silences --- */

#define NOW (UINT64_C(1700000000) * USEC_PER_SEC) /* 2023-11-14T22:13:20Z */

static bool rule_known(const char *id, void *userdata) {
        return streq(id, "r1");
}

static int parse_silence(const char *text, AlertSilence **ret, char **ret_problem) {
        _cleanup_(json_object_putp) json_object *json = json_tokener_parse(text);

        cr_assert(json, "%s", text);
        return alert_silence_from_request(json, NOW, exists, NULL, rule_known, NULL, ret, ret_problem);
}

Test(alert_silence, until) {
        static const struct {
                const char *until;
                uint64_t seconds; /* from now; 0 when it is refused */
        } cases[] = {
                { "\"2h\"", 7200 },
                { "60000", 60 },
                { "\"30d\"", 30 * 86400 },
                { "\"2023-11-14T22:13:21Z\"", 1 },
                { "\"2023-11-14T23:13:21+01:00\"", 1 },
                { "\"2023-12-14T22:13:20Z\"", 30 * 86400 },
                { "\"2023-12-14T22:13:21Z\"", 0 },
                { "\"2023-11-14T22:13:20Z\"", 0 },
                { "\"2020-01-01T00:00:00Z\"", 0 },
                { "\"30d 1ms\"", 0 },
                { "0", 0 },
                { "\"tomorrow\"", 0 },
                { "true", 0 },
                { "-5", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = str_printf("{\"until\":%s,\"reason\":\"r\"}", cases[i].until), *problem = NULL;
                _cleanup_(alert_silence_freep) AlertSilence *silence = NULL;
                int r = parse_silence(text, &silence, &problem);

                cr_expect_eq(r, cases[i].seconds > 0 ? 0 : -EINVAL, "%s", text);
                if (r >= 0)
                        cr_expect_eq(silence->until, NOW + cases[i].seconds * USEC_PER_SEC, "%s", text);
                else
                        cr_expect(problem && startswith(problem, "until: "), "%s: %s", text, strna(problem));
        }
}

Test(alert_silence, bad_ones) {
        static const struct {
                const char *text;
                const char *problem;
        } cases[] = {
                { "{\"reason\":\"r\"}", "until: is missing" },
                { "{\"until\":\"1h\"}", "reason: is missing" },
                { "{\"until\":\"1h\",\"reason\":\"\"}", "reason: is missing" },
                { "{\"until\":\"1h\",\"reason\":5}", "reason: a string" },
                { "{\"until\":\"1h\",\"reason\":\"r\",\"service\":\"nobody\"}", "service: the id of a service" },
                { "{\"until\":\"1h\",\"reason\":\"r\",\"rule\":\"r2\"}", "rule: the id of a rule is expected" },
                { "{\"until\":\"1h\",\"reason\":\"r\",\"rule\":\"r 2\"}", "rule: 1 to 64 of" },
                { "{\"until\":\"1h\",\"reason\":\"r\",\"rules\":\"r1\"}", "rules: is no field of a silence" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(alert_silence_freep) AlertSilence *silence = NULL;
                _cleanup_(freep) char *problem = NULL;

                cr_expect_eq(parse_silence(cases[i].text, &silence, &problem), -EINVAL, "%s", cases[i].text);
                cr_expect(problem && startswith(problem, cases[i].problem), "%s: %s", cases[i].text, strna(problem));
        }
}

Test(alert_silence, covers) {
        AlertSilence all = { .until = NOW }, service = { .until = NOW, .service = (char *) "meta" };
        AlertSilence rule = { .until = NOW, .rule = (char *) "r1" };

        cr_expect(alert_silence_covers(&all, "r", "meta", NOW - 1));
        cr_expect(!alert_silence_covers(&all, "r", "meta", NOW));
        cr_expect(alert_silence_covers(&all, "r", NULL, NOW - 1));
        cr_expect(alert_silence_covers(&service, "r", "meta", NOW - 1));
        cr_expect(!alert_silence_covers(&service, "r", "training", NOW - 1));
        cr_expect(!alert_silence_covers(&service, "r", NULL, NOW - 1));
        cr_expect(alert_silence_covers(&rule, "r1", "meta", NOW - 1));
        cr_expect(!alert_silence_covers(&rule, "r2", "meta", NOW - 1));
}
