/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json_tokener.h>

#include "../../ctl/metrics/alert-text.h"
#include "../../ctl/metrics/answer.h"
#include "basic/string-util.h"

#define RULES                                                                                            \
        "[{\"id\":\"a\",\"operator\":\"<\",\"threshold\":1},{\"id\":\"big\",\"metric\":\"service.memory\"," \
        "\"operator\":\">\",\"threshold\":209715200}]"

static json_object *parse(const char *text) {
        json_object *json = json_tokener_parse(text);

        cr_assert(json, "%s", text);
        return json;
}

static void expect(char *(*make)(json_object *json), const char *json, const char *expected) {
        _cleanup_(json_object_putp) json_object *object = parse(json);
        _cleanup_(freep) char *text = make(object);

        cr_expect_str_eq(text, expected, "%s: %s", json, text);
}

Test(ctl_alert_text, what) {
        static const struct {
                const char *alert, *text;
        } cases[] = {
                { "{\"metric\":\"service.memory\",\"value\":263507968,\"decidedBy\":\"big\"}", "memory 251.3M > 200.0M" },
                { "{\"metric\":\"service.memory\",\"value\":263507968,\"decidedBy\":\"gone\"}", "memory 251.3M" },
                { "{\"metric\":\"service.health\",\"value\":0.5,\"decidedBy\":\"a\"}", "health 0.5 < 1" },
                { "{\"metric\":\"journal.errors\",\"value\":null,\"decidedBy\":null}", "journal.errors -" },
                { "{}", "- -" },
        };
        _cleanup_(json_object_putp) json_object *rules = parse(RULES);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *alert = parse(cases[i].alert);
                _cleanup_(freep) char *text = alert_what(alert, rules);

                cr_expect_str_eq(text, cases[i].text, "%s", text);
        }
}

Test(ctl_alert_text, deed) {
        static const struct {
                const char *alert, *text;
        } cases[] = {
                { "{\"remediation\":\"done\",\"action\":\"restart-service\",\"remediationAttempts\":1,\"helped\":null}",
                  "restart-service done" },
                { "{\"remediation\":\"done\",\"action\":\"restart-service\",\"remediationAttempts\":1,\"helped\":true}",
                  "restart-service done, helped" },
                { "{\"remediation\":\"done\",\"action\":\"restart-service\",\"remediationAttempts\":3,\"helped\":false}",
                  "restart-service done, 3 tries, did not help" },
                { "{\"remediation\":\"failed\",\"action\":\"notify\",\"remediationAttempts\":2,\"remediationError\":\"no bus\"}",
                  "notify failed, 2 tries: no bus" },
                { "{\"remediation\":\"refused\",\"action\":\"notify\",\"remediationRefused\":\"3 within 30 min\"}",
                  "nothing done: 3 within 30 min" },
                { "{\"remediation\":\"under-way\",\"action\":\"reload-service\"}", "reload-service under way" },
                { "{\"remediation\":\"none\",\"dryRun\":true,\"wouldDo\":\"restart web\"}",
                  "nothing done: dry run of 'restart web'" },
                { "{\"remediation\":\"refused\",\"remediationRefused\":\"a dry run\",\"wouldDo\":\"notice\"}",
                  "nothing done: dry run of 'notice'" },
                { "{\"remediation\":\"none\",\"foldedInto\":\"a-7\"}", "nothing done: part of alert a-7" },
                { "{\"remediation\":\"done\",\"action\":\"restart-service\",\"remediationAction\":\"reload-service\","
                  "\"notices\":[{\"state\":\"none\"},{\"state\":\"done\"},{\"state\":\"failed\",\"attempts\":3,"
                  "\"error\":\"no bus\"}]}", "reload-service done; notify done; notify failed, 3 tries: no bus" },
                { "{\"remediation\":\"done\",\"action\":\"notify\",\"notices\":[{\"state\":\"done\"}]}", "notify done" },
                { "{\"remediation\":\"none\",\"action\":\"none\",\"notices\":[{\"state\":\"done\"}]}",
                  "nothing done; notify done" },
                { "{\"remediation\":\"none\",\"suppressedBy\":\"training\"}", "nothing done: training is down, which it needs" },
                { "{\"remediation\":\"none\",\"silenced\":true,\"silencedBy\":\"s1\"}", "nothing done: silenced by s1" },
                { "{\"remediation\":\"none\",\"silenced\":false}", "nothing done" },
                { "{}", "nothing done" },
                { "{\"remediation\":7}", "nothing done" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                expect(alert_deed, cases[i].alert, cases[i].text);
}

Test(ctl_alert_text, before) {
        expect(alert_before, "{}", "");
        expect(alert_before, "{\"precededBy\":null}", "");
        expect(alert_before, "{\"service\":\"web\",\"precededBy\":{\"kind\":\"reload\",\"secondsBefore\":12,\"service\":\"web\"}}",
               "reload 12s before");
        expect(alert_before,
               "{\"service\":\"web\",\"precededBy\":{\"kind\":\"restart\",\"secondsBefore\":90.5,\"service\":\"budget\"}}",
               "restart of budget 1min 30s before");
        expect(alert_before, "{\"precededBy\":{\"kind\":\"reload\",\"secondsBefore\":-1}}", "");
}

Test(ctl_alert_text, whom) {
        expect(alert_whom, "{\"service\":\"web\"}", "web");
        expect(alert_whom, "{\"service\":null}", "-");
        expect(alert_whom, "{\"service\":null,\"group\":[\"web\",\"cup\",\"meta\"]}", "3 services");
        expect(alert_whom, "{\"service\":\"web\",\"group\":[]}", "web");
}

Test(ctl_alert_text, rules) {
        expect(rule_condition, "{\"metric\":\"service.memory\",\"operator\":\">\",\"threshold\":209715200}", "memory > 200.0M");
        expect(rule_condition, "{\"metric\":\"provider.latency\",\"operator\":\">=\",\"threshold\":1500}",
               "provider.latency >= 1.5s");
        expect(rule_state, "{\"state\":\"ok\"}", "ok");
        expect(rule_state, "{\"state\":\"firing\",\"dryRun\":true,\"efficacy\":[{\"service\":\"web\",\"off\":false}]}",
               "firing, dry run");
        expect(rule_state, "{\"state\":\"ok\",\"dryRun\":false,\"efficacy\":[{\"service\":\"web\",\"off\":true},"
                           "{\"service\":\"cup\",\"off\":true}]}", "ok, off for web, off for cup");
        expect(rule_state, "{}", "-");
}
