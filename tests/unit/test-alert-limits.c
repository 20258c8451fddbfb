/* SPDX-License-Identifier: MIT */
#include "alert-world.h"

/* What keeps the alert engine from doing too much: the fleet, dependencies, what has not helped, dry runs. */

TestSuite(alert_limits, .init = set_up, .fini = tear_down);

#define HEALTH_RULE "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1}"

/* As a tick of metricsd tells it: n of the 13 are not well. */
static void tick_with_unhealthy(unsigned n) {
        char id[16];

        world.unhealthy = n;
        for (unsigned i = 0; i < 13; i++) {
                (void) snprintf(id, sizeof(id), "s%u", i);
                observe_health(id, i < n ? 0.5 : 1);
        }
        alert_engine_tick(engine, now);
        pass(5 * SECOND);
}

/* --- Much of the fleet --- */

Test(alert_limits, six_of_thirteen_are_one_alert_and_no_action) {
        add_rule("r", HEALTH_RULE);
        for (unsigned i = 0; i < 10; i++)
                tick_with_unhealthy(6);
        cr_expect_eq(world.acts, 0);
        cr_assert_eq(n_active(), 1);
        cr_expect_eq(n_history(), 0);
        cr_expect_str_eq(active("service"), "");
        cr_expect_str_eq(active("metric"), "service.health");
        cr_expect_str_eq(active("group"), "[ \"s0\", \"s1\", \"s2\", \"s3\", \"s4\", \"s5\" ]");
        cr_expect_str_eq(active("severity"), "critical");
        cr_expect_str_eq(active("action"), "none");
        cr_expect_str_eq(active("rules"), "[ \"r\" ]");
        cr_expect_str_eq(active("remediation"), "refused");
        cr_expect_str_eq(active("remediationCode"), "fleet-unhealthy");
        cr_expect(startswith(active("remediationRefused"), "6 of 13 services are not healthy: "));
        cr_expect_eq(n_notes("alert begun"), 1);
        cr_expect_eq(n_notes("remediation refused fleet: fleet-unhealthy"), 1);
        cr_expect_eq(world.n_notes, 2);
}

Test(alert_limits, five_of_thirteen_are_five_alerts) {
        add_rule("r", HEALTH_RULE);
        tick_with_unhealthy(5);
        cr_expect_eq(n_active(), 5);
        cr_expect_eq(world.acts, 1);
}

Test(alert_limits, single_alerts_are_folded_into_the_fleet_s) {
        _cleanup_(freep) char *id = NULL;

        add_rule("r", HEALTH_RULE);
        add_rule("slow", "{}");
        add_rule("big", "{\"metric\":\"service.memory\"}");
        tick_with_unhealthy(2);
        observe("s1", 6000);
        alert_engine_observe(engine, METRIC_MEMORY, "s1", 6000, now);
        cr_assert_eq(n_active(), 4);
        tick_with_unhealthy(6);
        observe("s1", 6000);
        cr_assert_eq(n_active(), 2); /* memory is none of the check's */
        cr_assert_eq(n_history(), 3);
        cr_expect_str_eq(active("rules"), "[ \"r\", \"slow\" ]");
        id = strdup(active("id"));
        for (size_t i = 0; i < 3; i++)
                cr_expect_str_eq(text_of(nth("history", i), "foldedInto"), id);
        /* Its action was under way; whether it has helped nobody can tell. */
        restart_succeeds("s0");
        cr_expect_str_eq(past("service"), "s0");
        cr_expect_str_eq(past("remediationSuccess"), "true");
        cr_expect_str_eq(past("helped"), "");
        pass(MINUTE);
        alert_engine_observe(engine, METRIC_MEMORY, "s1", 6000, now);
        cr_expect_str_eq(text_of(nth("active", 1), "remediationCode"), "fleet-unhealthy");
        cr_expect_eq(world.acts, 1);
}

Test(alert_limits, the_fleet_s_alert_does_not_flap) {
        add_rule("r", "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1,\"for\":\"1s\"}");
        tick_with_unhealthy(6);
        tick_with_unhealthy(6);
        for (unsigned i = 0; i < 5; i++) {
                tick_with_unhealthy(5);
                tick_with_unhealthy(6);
                tick_with_unhealthy(4);
        }
        cr_assert_eq(n_active(), 1);
        cr_expect_eq(n_history(), 0);
        cr_expect_str_eq(active("group"), "[ \"s0\", \"s1\", \"s2\", \"s3\" ]");
        cr_expect_eq(world.acts, 0);
        /* What is still bad then gets its own. */
        tick_with_unhealthy(3);
        tick_with_unhealthy(3);
        cr_assert_eq(n_active(), 3);
        cr_assert_eq(n_history(), 1);
        cr_expect_str_eq(past("status"), "resolved");
        cr_expect_eq(n_notes("alert begun s"), 3);
        cr_expect_eq(world.acts, 1);
        tick_with_unhealthy(5);
        tick_with_unhealthy(5);
        cr_expect_eq(n_active(), 5);
}

Test(alert_limits, what_is_left_of_the_fleet_gets_as_long_as_its_rule_says) {
        add_rule("r", "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1,\"for\":\"15s\"}");
        for (unsigned i = 0; i < 4; i++)
                tick_with_unhealthy(6);
        cr_assert_eq(n_active(), 1);
        cr_expect(*active("group"));
        for (unsigned i = 0; i < 3; i++) {
                tick_with_unhealthy(3);
                cr_expect_eq(n_active(), 0);
                cr_expect_eq(n_history(), 1);
                cr_expect_eq(world.acts, 0);
        }
        tick_with_unhealthy(3); /* 15 s later */
        cr_expect_eq(n_active(), 3);
        cr_expect_eq(world.acts, 1);
}

Test(alert_limits, the_fleet_s_alert_ends_with_its_rule) {
        add_rule("r", HEALTH_RULE);
        tick_with_unhealthy(6);
        cr_assert_eq(n_active(), 1);
        cr_assert_eq(alert_engine_delete_rule(engine, "r", now), 0);
        cr_expect_eq(n_active(), 0);
        cr_expect_eq(n_history(), 1);
}

Test(alert_limits, the_whole_fleet_is_told_once) {
        add_rule("r", HEALTH_RULE);
        add_rule("tell", "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1,\"action\":\"notify\"}");
        tick_with_unhealthy(7);
        tick_with_unhealthy(7);
        cr_expect_eq(world.notices, 1);
        notice_over(NULL);
        tick_with_unhealthy(0);
        cr_expect_eq(world.notices, 2);
        cr_expect_eq(world.ends, 1);
        cr_expect_str_eq(world.last_told, "resolved");
        cr_expect_eq(n_active(), 0);
}

Test(alert_limits, one_service_is_not_the_fleet) {
        add_rule("r", HEALTH_RULE);
        world.total = 2;
        world.unhealthy = 1;
        observe_health("s0", 0.5);
        cr_expect_eq(world.acts, 1);
}

/* --- Dependencies --- */

Test(alert_limits, a_service_whose_dependency_is_down_is_suppressed) {
        add_rule("r", "{\"for\":\"10s\"}");
        add_rule("tell", "{\"action\":\"notify\",\"for\":\"10s\"}");
        world.down = "training";
        observe("coach", 200);
        pass(10 * SECOND);
        observe("coach", 200);
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("suppressedBy"), "training");
        cr_expect_str_eq(active("remediationCode"), "suppressed");
        cr_expect_str_eq(active("remediationRefused"), "coach needs training, which is not well itself");
        cr_expect_eq(world.acts + world.notices, 0);
        cr_expect_eq(n_notes("remediation refused coach: suppressed"), 2);
        /* The other has its own trouble. */
        observe("meta", 200);
        pass(10 * SECOND);
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
        restart_succeeds("meta");
        observe("meta", 1);
        /* It gets as long as the rule says to follow. */
        world.down = NULL;
        observe("coach", 200);
        pass(10 * SECOND - 1);
        observe("coach", 200);
        cr_expect_eq(world.acts, 1);
        cr_expect_str_eq(active("suppressedBy"), "training");
        pass(1);
        observe("coach", 200);
        cr_expect_str_eq(active("suppressedBy"), "");
        cr_expect_eq(world.acts, 2);
        cr_expect_str_eq(world.last_service, "coach");
        cr_expect_eq(world.notices, 2); /* of meta and of coach */
}

Test(alert_limits, one_that_gets_well_with_its_dependency_is_left_alone) {
        add_rule("r", "{\"for\":\"10s\"}");
        world.down = "training";
        observe("coach", 200);
        pass(10 * SECOND);
        observe("coach", 200);
        world.down = NULL;
        observe("coach", 200);
        pass(5 * SECOND);
        observe("coach", 1);
        cr_expect_eq(n_active(), 0);
        cr_expect_eq(world.acts, 0);
}

Test(alert_limits, what_no_dependency_brings_about_is_not_suppressed) {
        add_rule("r", "{\"metric\":\"service.memory\"}");
        world.down = "training";
        alert_engine_observe(engine, METRIC_MEMORY, "coach", 200, now);
        cr_expect_eq(world.acts, 1);
}

Test(alert_limits, a_person_s_trigger_is_not_suppressed) {
        add_rule("r", "{}");
        world.down = "training";
        cr_expect_eq(trigger(6000, "coach", false), 2);
}

/* --- Whether it helps --- */

/* One alert on meta from its begin to its end, with an action that helps or not. */
static void one_try(bool helps) {
        unsigned acts = world.acts;

        observe("meta", 200);
        cr_assert_eq(world.acts, acts + 1);
        restart_succeeds("meta");
        cr_expect_str_eq(active("helped"), "");
        observe("meta", helps ? 1 : 200);
        pass(ALERT_VERIFY_USEC);
        alert_engine_tick(engine, now);
        if (!helps) {
                cr_expect_str_eq(active("helped"), "false");
                cr_expect_str_eq(active("remediationSuccess"), "true");
                observe("meta", 1);
        }
        cr_expect_str_eq(past("helped"), helps ? "true" : "false");
        pass(30 * MINUTE);
}

static const char *efficacy_of(const char *id) {
        static char text[300];
        json_object *rules = alert_engine_rules_to_json(engine);

        (void) snprintf(text, sizeof(text), "none");
        for (size_t i = 0; i < json_object_array_length(rules); i++) {
                json_object *rule = json_object_array_get_idx(rules, i);

                if (streq(text_of(rule, "id"), id))
                        (void) snprintf(text, sizeof(text), "%s", text_of(rule, "efficacy"));
        }
        json_object_put(rules);
        return text;
}

Test(alert_limits, what_does_not_help_switches_itself_off) {
        add_rule("r", "{\"cooldown\":\"1min\"}");
        one_try(true);
        one_try(false);
        one_try(true);
        one_try(false);
        cr_expect_str_eq(efficacy_of("r"), "[ { \"service\": \"meta\", \"action\": \"restart-service\", \"tries\": 4, "
                                           "\"helped\": 2, \"off\": false } ]");
        one_try(false);
        cr_expect_eq(n_notes("remediation failed meta"), 3);
        observe("meta", 200);
        cr_expect_eq(world.acts, 5);
        cr_expect_str_eq(active("remediationRefused"),
                         "switched itself off: helped 2 of 5 times; put the rule again to switch it on");
        cr_expect_str_eq(active("remediationCode"), "switched-off");
        /* Another service is another matter, and a person may. */
        observe("training", 200);
        cr_expect_eq(world.acts, 6);
        restart_succeeds("training");
        cr_expect_eq(trigger(6000, "meta", false), 2);
        restart_succeeds("meta");
        restart_metricsd();
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 5, \"helped\": 2, \"off\": true"), "%s", efficacy_of("r"));
        observe("meta", 200);
        cr_expect_eq(world.acts, 7);
        add_rule("r", "{\"cooldown\":\"1min\"}");
        cr_expect_str_eq(efficacy_of("r"), "[ ]");
        pass(MINUTE);
        observe("meta", 200);
        cr_expect_eq(world.acts, 8);
}

Test(alert_limits, what_helps_in_half_of_all_cases_goes_on) {
        add_rule("r", "{\"cooldown\":\"1min\"}");
        for (unsigned i = 0; i < 6; i++)
                one_try(i % 2 == 0);
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 6, \"helped\": 3, \"off\": false"), "%s", efficacy_of("r"));
        observe("meta", 200);
        cr_expect_eq(world.acts, 7);
}

Test(alert_limits, an_action_that_fails_has_not_helped) {
        add_rule("r", "{\"cooldown\":0}");
        observe("meta", 200);
        job_over("did not restart");
        cr_expect_str_eq(active("helped"), "false");
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 1, \"helped\": 0"));
        observe("meta", 200); /* the next try: what has come of it nobody knows */
        cr_expect_str_eq(active("helped"), "");
        job_over(NULL);
        observe("meta", 1); /* well again before that was proven */
        observe_health("meta", 1);
        cr_expect_str_eq(past("helped"), "true");
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 2, \"helped\": 1"));
}

/* Of the rule that was tried, although another decides by then. */
Test(alert_limits, who_has_helped) {
        add_rule("r", "{}");
        add_rule("worse", "{\"threshold\":300,\"severity\":\"critical\",\"dryRun\":false}");
        observe("meta", 200);
        restart_succeeds("meta");
        observe("meta", 400);
        cr_expect_str_eq(active("decidedBy"), "worse");
        cr_expect_eq(world.acts, 2);
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 1, \"helped\": 0"), "%s", efficacy_of("r"));
        restart_succeeds("meta");
        silence(NULL, "worse", MINUTE);
        observe("meta", 400); /* "r" decides, and has to wait */
        cr_expect_str_eq(active("decidedBy"), "r");
        observe("meta", 1);
        cr_expect(strstr(efficacy_of("worse"), "\"tries\": 1, \"helped\": 1"), "%s", efficacy_of("worse"));
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 1, \"helped\": 0"), "%s", efficacy_of("r"));
}

/* A process that is being replaced has no response time: that is no proof of anything. */
Test(alert_limits, a_missing_value_during_a_restart_ends_nothing) {
        add_rule("r", "{\"cooldown\":0}");
        observe("meta", 200);
        observe("meta", NAN);
        cr_assert_eq(n_active(), 1);
        job_over(NULL);
        observe("meta", NAN);
        observe_health("meta", 1);
        observe("meta", NAN);
        cr_assert_eq(n_active(), 1);
        cr_expect_eq(world.acts, 1);
        observe("meta", 200); /* as slow as before */
        cr_expect_eq(world.acts, 2);
        cr_expect(strstr(efficacy_of("r"), "\"tries\": 2, \"helped\": 0"));
        restart_succeeds("meta");
        pass(ALERT_VERIFY_USEC);
        observe("meta", NAN); /* it has had its time */
        cr_expect_eq(n_active(), 0);
}

/* --- Dry runs --- */

Test(alert_limits, a_rule_that_is_a_dry_run_says_what_it_would_do) {
        add_rule("r", "{\"dryRun\":true}");
        observe("meta", 200);
        observe("meta", 200);
        cr_expect_eq(world.acts, 0);
        cr_expect_str_eq(active("dryRun"), "true");
        cr_expect_str_eq(active("wouldDo"), "restart meta");
        cr_expect_str_eq(active("remediationRefused"), "it would begin now, but r is a dry run");
        cr_expect_str_eq(active("remediationAttempted"), "false");
        cr_expect_eq(n_notes("remediation refused meta: dry-run"), 1);
        cr_expect_eq(alert_engine_count(engine, ACTION_RESTART_SERVICE, OUTCOME_REFUSED), 0);
        cr_expect_str_eq(efficacy_of("r"), "[ ]");
        world.condition = FLEET_STOPPED; /* all else comes first */
        observe("meta", 200);
        cr_expect_str_eq(active("remediationCode"), "stopped");
        cr_expect_str_eq(active("wouldDo"), "");
}

Test(alert_limits, a_real_rule_decides_before_a_dry_run) {
        add_rule("dry", "{\"dryRun\":true,\"severity\":\"critical\",\"action\":\"reload-service\"}");
        add_rule("real", "{}");
        observe("meta", 200);
        cr_expect_eq(world.last_action, ACTION_RESTART_SERVICE);
        cr_expect_str_eq(active("decidedBy"), "real");
        cr_expect_str_eq(active("dryRun"), "");
}

/* --- Actions without a service's health --- */

Test(alert_limits, a_switch_of_the_provider_needs_no_service) {
        add_rule("r", "{\"metric\":\"provider.latency\",\"action\":\"switch-provider\",\"actionParams\":"
                      "{\"provider\":\"local\"},\"cooldown\":0}");
        world.unhealthy = 13; /* it may be the providers' doing */
        for (unsigned i = 1; i <= 3; i++) {
                alert_engine_observe(engine, METRIC_PROVIDER_LATENCY, "s1", 200, now);
                cr_assert_eq(world.acts, i);
                cr_expect_str_eq(world.last_params, "{\"provider\":\"local\"}");
                job_over(NULL);
                cr_expect_eq(world.checks, 0);
                cr_expect_str_eq(active("remediation"), "done");
                pass(SECOND);
        }
        alert_engine_observe(engine, METRIC_PROVIDER_LATENCY, "s1", 200, now);
        cr_expect_str_eq(active("remediationCode"), "needs-a-person");
        alert_engine_observe(engine, METRIC_PROVIDER_LATENCY, "s1", 1, now);
        cr_expect_str_eq(past("helped"), "true");
}

Test(alert_limits, a_scale_up_is_bound_as_a_restart_is) {
        add_rule("r", "{\"metric\":\"service.cpu\",\"action\":\"scale-up\",\"actionParams\":{\"max\":3}}");
        world.condition = FLEET_FAILED;
        alert_engine_observe(engine, METRIC_CPU, "meta", 200, now);
        cr_expect_str_eq(active("remediationCode"), "failed");
        world.condition = FLEET_RUNNING;
        alert_engine_observe(engine, METRIC_CPU, "meta", 200, now);
        cr_expect_eq(world.last_action, ACTION_SCALE_UP);
        cr_expect_str_eq(world.last_params, "{\"max\":3}");
        job_over(NULL);
        cr_expect_eq(world.checks, 1);
}
