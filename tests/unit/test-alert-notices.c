/* SPDX-License-Identifier: MIT */
#include "alert-world.h"

/* Telling somebody: beside what changes a service, and bound by less. */

TestSuite(alert_notices, .init = set_up, .fini = tear_down);

#define TELL "{\"action\":\"notify\",\"actionParams\":{\"webhook\":\"http://a/b\"}}"

static json_object *notice(size_t i) {
        json_object *notices;

        cr_assert(json_object_object_get_ex(nth("active", 0), "notices", &notices));
        cr_assert_lt(i, json_object_array_length(notices));
        return json_object_array_get_idx(notices, i);
}

Test(alert_notices, tells_of_the_begin_and_of_the_end) {
        add_rule("r", TELL);
        observe("meta", 200);
        cr_assert_eq(world.notices, 1);
        cr_expect_eq(world.acts, 0);
        cr_expect_str_eq(world.last_params, "{\"webhook\":\"http:\\/\\/a\\/b\"}");
        cr_expect_str_eq(world.last_told, "active");
        cr_expect_str_eq(active("action"), "notify");
        cr_expect_str_eq(active("remediation"), "under-way");
        notice_over(NULL);
        cr_expect_str_eq(active("remediation"), "done"); /* health is not asked for */
        cr_expect_eq(world.checks, 0);
        cr_expect_str_eq(active("helped"), "");
        observe("meta", 1);
        cr_expect_eq(world.notices, 2);
        cr_expect_eq(world.ends, 1);
        cr_expect_str_eq(world.last_told, "resolved");
        notice_over(NULL);
        cr_expect_eq(world.notices, 2);
        cr_expect_eq(n_notes("remediation begun meta"), 1);
        cr_expect_eq(n_notes("remediation done meta"), 2);
}

/* In the order in which it happened. */
Test(alert_notices, the_end_waits_for_the_begin) {
        add_rule("r", TELL);
        observe("meta", 200);
        observe("meta", 1);
        cr_expect_eq(world.notices, 1);
        notice_over("nobody answers");
        cr_expect_eq(world.notices, 2);
        cr_expect_eq(world.ends, 1);
        notice_over(NULL);
        cr_expect_eq(n_notes("remediation failed meta"), 1);
        cr_expect_eq(n_notes("remediation done meta"), 1);
}

Test(alert_notices, each_rule_tells_beside_an_action) {
        add_rule("one", TELL);
        add_rule("act", "{\"severity\":\"critical\"}");
        add_rule("two", "{\"action\":\"notify\",\"severity\":\"critical\"}");
        observe("meta", 200);
        cr_expect_eq(world.notices, 2);
        cr_expect_eq(world.acts, 1);
        cr_expect_str_eq(active("decidedBy"), "act");
        cr_expect_str_eq(active("action"), "restart-service");
        cr_expect_str_eq(text_of(notice(0), "rule"), "one");
        cr_expect_str_eq(text_of(notice(1), "state"), "under-way");
        notice_over(NULL);
        cr_expect_str_eq(text_of(notice(1), "state"), "done");
        cr_expect_str_eq(active("remediation"), "under-way");
}

Test(alert_notices, bound_by_no_limit_on_actions) {
        add_rule("r", "{\"action\":\"notify\",\"cooldown\":0,\"metric\":\"service.memory\"}");
        world.unhealthy = 13;
        world.condition = FLEET_FAILED;
        for (unsigned i = 1; i <= 5; i++) {
                alert_engine_observe(engine, METRIC_MEMORY, "meta", 200, now);
                cr_expect_eq(world.notices, i);
                notice_over(NULL);
        }
}

Test(alert_notices, cooldown) {
        add_rule("r", "{\"action\":\"notify\",\"cooldown\":\"1min\"}");
        observe("meta", 200);
        notice_over(NULL);
        pass(MINUTE - 1);
        observe("meta", 200);
        cr_expect_eq(world.notices, 1);
        observe("meta", 1); /* its end is told all the same */
        cr_expect_eq(world.notices, 2);
        notice_over(NULL);
        observe("meta", 200);
        cr_expect_eq(world.notices, 2);
        cr_expect_str_eq(active("remediationCode"), "cooldown");
        observe("meta", 1); /* who has not heard of it hears nothing of its end */
        cr_expect_eq(world.notices, 2);
        observe("meta", 200);
        pass(1);
        observe("meta", 200); /* it still lasts */
        cr_expect_eq(world.notices, 3);
}

Test(alert_notices, silences) {
        add_rule("r", TELL);
        silence("meta", NULL, MINUTE);
        observe("meta", 200);
        cr_expect_eq(world.notices, 0);
        cr_expect_str_eq(active("silenced"), "true");
        pass(MINUTE);
        observe("meta", 200);
        cr_expect_eq(world.notices, 1);
        notice_over(NULL);
        silence(NULL, "r", MINUTE);
        observe("meta", 1);
        cr_expect_eq(world.notices, 1);
}

Test(alert_notices, dry_run) {
        add_rule("r", "{\"action\":\"notify\",\"dryRun\":true}");
        observe("meta", 200);
        cr_expect_eq(world.notices, 0);
        cr_expect_str_eq(active("wouldDo"), "notice");
        observe("meta", 1);
        cr_expect_eq(world.notices, 0);
}

Test(alert_notices, so_many_at_a_time) {
        char id[16];

        add_rule("r", TELL);
        for (unsigned i = 0; i <= ALERT_NOTICES_MAX; i++) {
                (void) snprintf(id, sizeof(id), "s%u", i);
                observe(id, 200);
        }
        cr_expect_eq(world.notices, ALERT_NOTICES_MAX);
        cr_expect_str_eq(active("remediationCode"), "busy");
        notice_over(NULL);
        observe(id, 200);
        cr_expect_eq(world.notices, ALERT_NOTICES_MAX + 1);
}

Test(alert_notices, one_that_is_not_answered_is_given_up) {
        add_rule("r", TELL);
        observe("meta", 200);
        pass(ALERT_NOTICE_USEC - 1);
        alert_engine_tick(engine, now);
        cr_expect_str_eq(active("remediation"), "under-way");
        pass(1);
        alert_engine_tick(engine, now);
        cr_expect_str_eq(active("remediationError"), "it is not done within 5min 30s");
        cr_expect_eq(world.given_up, 1);
}

Test(alert_notices, one_that_cannot_be_begun) {
        add_rule("r", TELL);
        world.act_result = -EOPNOTSUPP;
        observe("meta", 200);
        cr_expect_str_eq(active("remediation"), "failed");
        cr_expect(startswith(active("remediationError"), "it could not be begun: "));
        observe("meta", 1);
        cr_expect_eq(n_active(), 0);
}

Test(alert_notices, a_trigger_waits_for_what_it_has_begun) {
        add_rule("act", "{}");
        add_rule("tell", TELL);
        cr_assert_eq(trigger(6000, "meta", false), 2);
        restart_succeeds("meta");
        cr_expect_eq(world.dones, 0);
        notice_over(NULL);
        cr_assert_eq(world.dones, 1);
        cr_expect_str_eq(text_of(world.done_alert, "status"), "resolved");
        cr_expect_str_eq(text_of(world.done_alert, "remediationSuccess"), "true");
        cr_expect_eq(world.ends, 1);
}

Test(alert_notices, a_trigger_does_not_wait_for_many_tries) {
        add_rule("tell", TELL);
        cr_assert_eq(trigger(6000, "meta", false), 2);
        pass(ALERT_ACTION_USEC);
        alert_engine_tick(engine, now);
        cr_assert_eq(world.dones, 1);
        cr_expect_str_eq(text_of(world.done_alert, "remediation"), "under-way");
        notice_over(NULL);
        cr_expect_eq(world.dones, 1);
        cr_expect_str_eq(past("remediation"), "done");
}

Test(alert_notices, the_end_is_told_although_the_rule_is_gone) {
        add_rule("r", TELL);
        observe("meta", 200);
        notice_over(NULL);
        cr_assert_eq(alert_engine_delete_rule(engine, "r", now), 0);
        cr_expect_eq(world.ends, 1);
        cr_expect_str_eq(world.last_params, "{\"webhook\":\"http:\\/\\/a\\/b\"}");
}
