/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "alert-world.h"

TestSuite(alert_engine, .init = set_up, .fini = tear_down);

/* --- When an alert begins and ends --- */

Test(alert_engine, begins_and_is_resolved) {
        add_rule("r", "{}");
        observe("meta", 100);
        cr_expect_eq(n_active(), 0);
        observe("meta", 101);
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("metric"), "service.responseTime");
        cr_expect_str_eq(active("value"), "101");
        cr_expect_str_eq(active("service"), "meta");
        cr_expect_str_eq(active("rules"), "[ \"r\" ]");
        cr_expect_str_eq(active("severity"), "warning");
        cr_expect_str_eq(active("action"), "restart-service");
        cr_expect_str_eq(active("timestamp"), "2023-11-14T22:13:20.000Z");
        cr_expect_str_eq(active("status"), "active");
        cr_expect_str_eq(active("invocationId"), "0123456789abcdef");
        cr_expect_str_eq(active("journal"), "[ \"a line\" ]");
        cr_expect_str_eq(active("firstCursor"), "first");
        cr_expect_str_eq(active("lastCursor"), "last");
        cr_expect_str_eq(active("precededBy"), "{ \"kind\": \"reload\", \"secondsBefore\": 12 }");
        pass(5 * SECOND);
        observe("meta", 200);
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("value"), "200");
        observe("meta", 100);
        cr_expect_eq(n_active(), 0);
        cr_assert_eq(n_history(), 1);
        cr_expect_str_eq(past("status"), "resolved");
        cr_expect_str_eq(past("resolvedAt"), "2023-11-14T22:13:25.000Z");
        cr_expect_gt(world.changes, 0);
}

Test(alert_engine, for_must_hold_all_the_time) {
        add_rule("r", "{\"for\":\"10s\"}");
        observe("meta", 101);
        pass(10 * SECOND - 1);
        observe("meta", 101);
        cr_expect_eq(n_active(), 0);
        observe("meta", 99); /* begins anew */
        observe("meta", 101);
        pass(10 * SECOND - 1);
        observe("meta", 101);
        cr_expect_eq(n_active(), 0);
        pass(1);
        observe("meta", 101);
        cr_expect_eq(n_active(), 1);
}

Test(alert_engine, no_value_ends_it) {
        add_rule("r", "{\"operator\":\"!=\",\"dryRun\":true}");
        observe("meta", 101);
        cr_expect_eq(n_active(), 1);
        observe("meta", NAN);
        cr_expect_eq(n_active(), 0);
}

Test(alert_engine, one_alert_for_a_metric_and_a_service) {
        add_rule("info", "{\"severity\":\"info\",\"action\":\"notify\"}");
        add_rule("late", "{\"severity\":\"critical\",\"action\":\"reload-service\",\"threshold\":200}");
        observe("meta", 150);
        observe("training", 150);
        cr_assert_eq(n_active(), 2);
        cr_expect_str_eq(active("service"), "training");
        cr_expect_str_eq(active("severity"), "info");
        cr_expect_str_eq(active("decidedBy"), "info");
        observe("training", 250);
        cr_assert_eq(n_active(), 2);
        cr_expect_str_eq(active("rules"), "[ \"info\", \"late\" ]");
        cr_expect_str_eq(active("severity"), "critical");
        cr_expect_str_eq(active("decidedBy"), "late");
        cr_expect_str_eq(active("action"), "reload-service");
        cr_expect_eq(world.acts, 1);
        cr_expect_eq(world.last_action, ACTION_RELOAD_SERVICE);
}

Test(alert_engine, a_rule_watches_its_own_service_alone) {
        add_rule("field", "{\"service\":\"training\"}");
        observe("meta", 200);
        cr_expect_eq(n_active(), 0);
        observe("training", 200);
        cr_expect_eq(n_active(), 1);
        cr_expect_str_eq(world.last_service, "training");
}

Test(alert_engine, rules_that_go_take_their_alert_along) {
        add_rule("a", "{\"dryRun\":true}");
        add_rule("b", "{\"dryRun\":true}");
        observe("meta", 200);
        cr_expect_str_eq(active("rules"), "[ \"a\", \"b\" ]");
        cr_assert_eq(alert_engine_delete_rule(engine, "a", now), 0);
        cr_expect_str_eq(active("rules"), "[ \"b\" ]");
        add_rule("b", "{\"dryRun\":true,\"enabled\":false}");
        cr_expect_eq(n_active(), 0);
        observe("meta", 200);
        cr_expect_eq(n_active(), 0);
}

Test(alert_engine, a_service_that_goes_takes_its_alert_along) {
        add_rule("a", "{\"dryRun\":true}");
        observe("meta", 200);
        observe("training", 200);
        alert_engine_forget(engine, "meta", now);
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("service"), "training");
}

Test(alert_engine, history_keeps_the_last_200) {
        add_rule("a", "{\"dryRun\":true}");
        for (unsigned i = 1; i <= ALERT_HISTORY_MAX + 1; i++) {
                observe("meta", 1000 + i);
                observe("meta", 1);
        }
        cr_expect_eq(n_history(), ALERT_HISTORY_MAX);
        cr_expect_str_eq(past("value"), "1201");
        cr_expect_str_eq(text_of(nth("history", ALERT_HISTORY_MAX - 1), "value"), "1002");
}

Test(alert_engine, states_of_rules) {
        static const char *const expected[] = { "firing", "pending", "no data yet", "disabled", "ok" };
        _cleanup_(json_object_putp) json_object *rules = NULL;

        add_rule("a", "{\"dryRun\":true}");
        add_rule("b", "{\"dryRun\":true,\"for\":1000}");
        add_rule("c", "{\"dryRun\":true,\"metric\":\"budget.percent\"}");
        add_rule("d", "{\"dryRun\":true,\"enabled\":false}");
        add_rule("e", "{\"dryRun\":true,\"threshold\":1000}");
        observe("meta", 200);
        rules = alert_engine_rules_to_json(engine);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                cr_expect_str_eq(text_of(json_object_array_get_idx(rules, i), "state"), expected[i], "%zu", i);
}

/* --- Actions --- */

Test(alert_engine, an_action_ends_with_proven_health) {
        add_rule("r", "{}");
        observe("meta", 200);
        cr_assert_eq(world.acts, 1);
        cr_expect_str_eq(active("remediation"), "under-way");
        cr_expect_str_eq(active("remediationAttempted"), "true");
        cr_expect_str_eq(active("remediationSuccess"), "false");
        observe_health("meta", 1); /* the old process */
        cr_expect_str_eq(active("remediation"), "under-way");
        job_over(NULL);
        cr_expect_eq(world.checks, 1);
        observe_health("training", 1);
        observe_health("meta", 0.5);
        cr_expect_str_eq(active("remediation"), "under-way");
        observe_health("meta", 1);
        cr_expect_str_eq(active("remediation"), "done");
        cr_expect_str_eq(active("remediationSuccess"), "true");
        cr_expect_str_eq(active("status"), "active"); /* it may be slow as before */
        observe("meta", 1);
        cr_expect_str_eq(past("remediationSuccess"), "true");
        cr_expect_eq(alert_engine_count(engine, ACTION_RESTART_SERVICE, OUTCOME_DONE), 1);
}

Test(alert_engine, an_alert_may_be_over_before_its_action) {
        add_rule("r", "{}");
        observe("meta", 200);
        observe("meta", 1);
        cr_expect_str_eq(past("remediation"), "under-way");
        job_over(NULL);
        observe_health("meta", 1);
        cr_expect_str_eq(past("remediationSuccess"), "true");
}

Test(alert_engine, failed_actions) {
        add_rule("r", "{\"cooldown\":0}");
        observe("meta", 200);
        job_over("did not restart: it failed");
        cr_expect_str_eq(active("remediation"), "failed");
        cr_expect_str_eq(active("remediationError"), "did not restart: it failed");
        world.act_result = -ENOTCONN;
        observe("meta", 200);
        cr_expect_eq(world.acts, 2);
        cr_expect_str_eq(active("remediation"), "failed");
        cr_expect(strstr(active("remediationError"), "could not be begun"), "%s", active("remediationError"));
        cr_expect_str_eq(active("remediationAttempts"), "2");
        cr_expect_eq(alert_engine_count(engine, ACTION_RESTART_SERVICE, OUTCOME_FAILED), 2);
}

Test(alert_engine, an_action_has_30_s) {
        add_rule("r", "{\"cooldown\":0}");
        observe("meta", 200);
        pass(ALERT_ACTION_USEC - 1);
        alert_engine_tick(engine, now);
        cr_expect_str_eq(active("remediation"), "under-way");
        pass(1);
        alert_engine_tick(engine, now);
        cr_expect_str_eq(active("remediationError"), "it is not done within 30s");
        cr_expect_eq(world.given_up, 1);
        observe("meta", 200);
        job_over(NULL);
        pass(ALERT_ACTION_USEC);
        alert_engine_tick(engine, now);
        cr_expect_str_eq(active("remediationError"), "meta is not healthy within 30s");
        cr_expect_eq(world.given_up, 1);
}

Test(alert_engine, cooldown) {
        add_rule("r", "{\"cooldown\":\"1min\"}");
        observe("meta", 200);
        job_over(NULL);
        observe_health("meta", 1);
        pass(MINUTE - 1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
        cr_expect_str_eq(active("remediation"), "done");
        /* A new alert of the same rule rests, too, and says so. */
        observe("meta", 1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
        cr_expect(strstr(active("remediationRefused"), "cooldown"), "%s", active("remediationRefused"));
        /* Another service has its own. */
        observe("training", 200);
        cr_expect_eq(world.acts, 2);
        job_over(NULL);
        observe_health("training", 1);
        pass(1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 3);
}

Test(alert_engine, three_in_half_an_hour_even_after_a_restart) {
        add_rule("r", "{\"cooldown\":0}");
        for (unsigned i = 0; i < 3; i++) {
                observe("meta", 200);
                job_over(NULL);
                observe_health("meta", 1);
                pass(MINUTE);
        }
        cr_expect_eq(world.acts, 3);
        for (unsigned restarted = 0; restarted < 2; restarted++) {
                observe("meta", 200);
                cr_expect_eq(world.acts, 3);
                cr_expect_str_eq(active("remediation"), "refused");
                cr_expect(strstr(active("remediationRefused"), "needs a person (no further action before "
                                                               "2023-11-14T22:43:20"), "%s", active("remediationRefused"));
                restart_metricsd();
        }
        pass(27 * MINUTE - 1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 3);
        pass(1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 4);
}

Test(alert_engine, one_action_at_a_time) {
        add_rule("r", "{}");
        observe("meta", 200);
        observe("training", 200);
        cr_expect_eq(world.acts, 1);
        cr_expect(strstr(active("remediationRefused"), "action on meta is still under way"));
        job_over(NULL);
        observe("training", 200); /* not before meta is proven */
        cr_expect_eq(world.acts, 1);
        observe_health("meta", 1);
        observe("training", 200);
        cr_expect_eq(world.acts, 2);
        cr_expect_str_eq(active("remediationRefused"), "");
}

Test(alert_engine, what_systemd_or_a_person_does_is_waited_for) {
        add_rule("r", "{}");
        world.condition = FLEET_CHANGING;
        observe("meta", 200);
        cr_expect_eq(world.acts, 0);
        cr_expect(strstr(active("remediationRefused"), "systemd is"));
        observe("meta", 201);
        cr_expect_eq(alert_engine_count(engine, ACTION_RESTART_SERVICE, OUTCOME_REFUSED), 1); /* said once */
        world.condition = FLEET_STOPPED;
        observe("meta", 200);
        cr_expect(strstr(active("remediationRefused"), "stopped on purpose"));
        cr_expect_eq(alert_engine_count(engine, ACTION_RESTART_SERVICE, OUTCOME_REFUSED), 2);
        world.condition = FLEET_RUNNING;
        world.restarted_at = now.monotonic;
        pass(SAFETY_CRASH_WINDOW - 1);
        observe("meta", 200);
        cr_expect(strstr(active("remediationRefused"), "what crashes is systemd's to see to"));
        cr_expect_str_eq(active("remediationCode"), "crashed");
        cr_expect_eq(world.acts, 0);
        pass(1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
}

Test(alert_engine, silences) {
        add_rule("r", "{}");
        silence("meta", NULL, MINUTE);
        observe("meta", 200);
        cr_expect_eq(world.acts, 0);
        cr_expect_str_eq(active("silenced"), "true");
        cr_expect_str_eq(active("silencedBy"), "silence-1");
        cr_expect_str_eq(active("remediationRefused"), "silenced until 2023-11-14T22:14:20.000Z by silence-1: a move");
        cr_assert_eq(trigger(200, "meta", false), 1);
        cr_expect_str_eq(text_of(trigger_result, "silenced"), "true");
        cr_expect_eq(world.acts, 0);
        pass(MINUTE - 1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 0);
        pass(1);
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
}

Test(alert_engine, a_silenced_rule_leaves_the_others) {
        add_rule("loud", "{\"severity\":\"critical\"}");
        add_rule("quiet", "{\"action\":\"reload-service\"}");
        silence(NULL, "loud", MINUTE);
        observe("meta", 200);
        cr_expect_eq(world.last_action, ACTION_RELOAD_SERVICE);
        cr_expect_str_eq(active("silenced"), "false");
        cr_expect_str_eq(active("severity"), "critical");
        cr_expect_str_eq(active("decidedBy"), "quiet");
}

/* --- Triggers --- */

Test(alert_engine, trigger_matches_nothing) {
        add_rule("r", "{}");
        add_rule("off", "{\"enabled\":false,\"threshold\":0}");
        add_rule("other", "{\"service\":\"training\",\"threshold\":0}");
        cr_expect_eq(trigger(100, "meta", false), 0);
        cr_expect_eq(n_active(), 0);
}

Test(alert_engine, trigger_carries_out_and_ends_with_success) {
        add_rule("all", "{}");
        add_rule("documented", "{\"actionParams\":{\"serviceId\":\"training\"},\"for\":\"1h\"}");
        cr_assert_eq(trigger(6000, NULL, false), 2);
        cr_expect_str_eq(world.last_service, "training");
        cr_expect_eq(world.dones, 0);
        job_over(NULL);
        observe_health("training", 1);
        cr_assert_eq(world.dones, 1);
        cr_expect_str_eq(text_of(world.done_alert, "service"), "training");
        cr_expect_str_eq(text_of(world.done_alert, "rules"), "[ \"all\", \"documented\" ]");
        cr_expect_str_eq(text_of(world.done_alert, "decidedBy"), "documented");
        cr_expect_str_eq(text_of(world.done_alert, "remediationAttempted"), "true");
        cr_expect_str_eq(text_of(world.done_alert, "remediationSuccess"), "true");
        cr_expect_str_eq(text_of(world.done_alert, "source"), "trigger");
        cr_expect_eq(n_active(), 0);
        cr_expect_eq(n_history(), 1);
}

Test(alert_engine, trigger_without_a_service_is_refused) {
        add_rule("all", "{}");
        cr_assert_eq(trigger(6000, NULL, false), 1);
        cr_expect_eq(world.acts, 0);
        cr_expect_str_eq(text_of(trigger_result, "remediationAttempted"), "false");
        cr_expect(strstr(text_of(trigger_result, "remediationRefused"), "neither the rule nor the request names one"));
        cr_expect_eq(n_active(), 1);
        pass(ALERT_TRIGGERED_USEC - 1);
        alert_engine_tick(engine, now);
        observe("meta", 1);
        cr_expect_eq(n_active(), 1);
        pass(1);
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 0);
}

Test(alert_engine, trigger_takes_the_request_s_service) {
        add_rule("all", "{}");
        add_rule("other", "{\"service\":\"training\",\"severity\":\"critical\"}");
        world.unhealthy = 13; /* a person asks */
        cr_assert_eq(trigger(6000, "meta", false), 2);
        cr_expect_str_eq(world.last_service, "meta");
        cr_expect_str_eq(active("rules"), "[ \"all\" ]");
        world.act_result = 0;
        cr_assert_eq(trigger(6000, "training", false), 1); /* the other is under way */
        cr_expect(strstr(text_of(trigger_result, "remediationRefused"), "still under way"));
}

Test(alert_engine, the_most_severe_rule_with_a_service_is_carried_out) {
        add_rule("worst", "{\"severity\":\"critical\"}");
        add_rule("mild", "{\"severity\":\"info\",\"service\":\"training\"}");
        add_rule("medium", "{\"severity\":\"warning\",\"service\":\"meta\"}");
        cr_assert_eq(trigger(6000, NULL, false), 2);
        cr_expect_str_eq(world.last_service, "meta");
        cr_expect_str_eq(active("rules"), "[ \"worst\", \"mild\", \"medium\" ]");
        cr_expect_str_eq(active("severity"), "critical");
        cr_expect_str_eq(active("decidedBy"), "medium");
}

Test(alert_engine, among_equals_the_rule_that_names_its_service_decides) {
        add_rule("all", "{\"action\":\"reload-service\"}");
        add_rule("own", "{\"service\":\"meta\"}");
        observe("meta", 200);
        cr_expect_str_eq(active("decidedBy"), "own");
        cr_expect_eq(world.last_action, ACTION_RESTART_SERVICE);
        observe("training", 200);
        cr_expect_str_eq(active("decidedBy"), "all");
}

Test(alert_engine, a_trigger_does_not_wait_for_the_cooldown) {
        add_rule("all", "{}");
        for (unsigned i = 1; i <= 2; i++) {
                cr_assert_eq(trigger(6000, "meta", false), 2);
                cr_expect_eq(world.acts, i);
                job_over(NULL);
                observe_health("meta", 1);
                json_object_put(world.done_alert);
                world.done_alert = NULL;
        }
}

Test(alert_engine, dry_run) {
        add_rule("all", "{}");
        cr_assert_eq(trigger(6000, "meta", true), 1);
        cr_expect_str_eq(text_of(trigger_result, "wouldDo"), "restart meta");
        cr_expect_str_eq(text_of(trigger_result, "dryRun"), "true");
        cr_expect_str_eq(text_of(trigger_result, "remediationAttempted"), "false");
        cr_assert_eq(trigger(6000, "metricsd", true), 1);
        cr_expect_str_eq(text_of(trigger_result, "wouldDo"), "");
        cr_expect(strstr(text_of(trigger_result, "remediationRefused"), "restart of itself"));
        cr_expect_eq(world.acts, 0);
        cr_expect_eq(n_active(), 0);
        cr_expect_eq(n_history(), 0);
}

Test(alert_engine, triggers_do_not_fill_the_memory) {
        add_rule("all", "{\"dryRun\":true}");
        observe("meta", 200);
        for (unsigned i = 0; i <= ALERT_TRIGGERED_MAX; i++)
                cr_assert_eq(trigger(1000 + i, "training", false), 1);
        cr_expect_eq(n_active(), ALERT_TRIGGERED_MAX + 1); /* and the one that was observed */
        cr_expect_eq(n_history(), 1);
        cr_expect_str_eq(past("value"), "1000");
}

Test(alert_engine, a_waiting_trigger_is_answered_at_the_end) {
        add_rule("all", "{}");
        cr_assert_eq(trigger(6000, "meta", false), 2);
        engine = alert_engine_free(engine);
        cr_assert_eq(world.dones, 1);
        cr_expect_str_eq(text_of(world.done_alert, "remediation"), "under-way");
}
