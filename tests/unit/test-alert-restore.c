/* SPDX-License-Identifier: MIT */
#include "alert-world.h"

/* What the next metricsd goes on with, and what becomes of it when nothing can be stored. */

TestSuite(alert_restore, .init = set_up, .fini = tear_down);

static char *copy_of(const char *list, size_t i) {
        char *text = strdup(json_object_to_json_string_ext(nth(list, i), JSON_C_TO_STRING_PLAIN));

        cr_assert(text);
        return text;
}

Test(alert_restore, an_active_alert_goes_on) {
        _cleanup_(freep) char *before = NULL, *after = NULL;

        add_rule("r", "{\"for\":\"10s\",\"cooldown\":\"1min\"}");
        observe("meta", 200);
        pass(10 * SECOND);
        observe("meta", 200);
        restart_succeeds("meta");
        observe("meta", 300);
        alert_engine_tick(engine, now);
        before = copy_of("active", 0);
        restart_metricsd();
        after = copy_of("active", 0);
        cr_assert_eq(n_active(), 1);
        /* The latest value is not worth a write of its own. */
        cr_expect_str_eq(strstr(after, "\"service\":"), strstr(before, "\"service\":"));
        cr_expect_eq(strncmp(after, before, strlen("{\"id\":\"alert-1700000010000-1\"")), 0, "%s", after);
        /* It holds from the first value on, and makes no second one. */
        observe("meta", 200);
        cr_assert_eq(n_active(), 1);
        cr_expect_eq(n_history(), 0);
        cr_expect_eq(n_notes("alert begun"), 1);
        cr_expect_eq(world.acts, 1);
        pass(MINUTE);
        observe("meta", 200); /* the cooldown is over */
        cr_expect_eq(world.acts, 2);
        restart_succeeds("meta");
        observe("meta", 100);
        cr_expect_eq(n_active(), 0);
        cr_expect_str_eq(past("remediationAttempts"), "2");
        cr_expect_str_eq(past("helped"), "true");
}

/* The clock that durations are measured with begins anew. */
Test(alert_restore, an_active_alert_goes_on_after_a_boot) {
        add_rule("r", "{\"for\":\"10s\",\"dryRun\":true}");
        observe("meta", 200);
        pass(10 * SECOND);
        observe("meta", 200);
        now.monotonic = 5 * SECOND;
        restart_metricsd();
        observe("meta", 200);
        cr_expect_eq(n_active(), 1);
        cr_expect_eq(n_history(), 0);
}

Test(alert_restore, a_condition_that_is_over_ends_it) {
        add_rule("r", "{\"dryRun\":true}");
        observe("meta", 200);
        restart_metricsd();
        cr_assert_eq(n_active(), 1);
        observe("meta", 100);
        cr_expect_eq(n_active(), 0);
        cr_expect_eq(n_history(), 1);
}

/* Some figures need two samples: until they are there nothing is known. */
Test(alert_restore, a_value_that_is_missing_at_the_begin_ends_nothing) {
        add_rule("r", "{\"dryRun\":true}");
        observe("meta", 200);
        observe("training", 200);
        restart_metricsd();
        observe("meta", NAN);
        observe("training", 200);
        observe("training", NAN); /* it has had one */
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("service"), "meta");
        pass(ALERT_SETTLE_USEC);
        observe("meta", NAN);
        cr_expect_eq(n_active(), 0);
}

Test(alert_restore, an_action_that_was_under_way_has_failed) {
        add_rule("r", "{\"cooldown\":\"1min\"}");
        observe("meta", 200);
        cr_expect_str_eq(active("remediation"), "under-way");
        restart_metricsd();
        cr_expect_str_eq(active("remediation"), "failed");
        cr_expect_str_eq(active("remediationError"), "metricsd ended meanwhile");
        cr_expect_str_eq(active("remediationAttempts"), "1");
        cr_expect_str_eq(active("helped"), "false");
        cr_expect_null(alert_engine_in_flight(engine));
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
        pass(MINUTE);
        observe("meta", 200);
        cr_expect_eq(world.acts, 2);
        cr_expect_eq(alert_book_efficacy(alert_engine_book(engine), "r", "meta")->tries, 2);
}

/* Even when metricsd is killed while it asks systemd. */
Test(alert_restore, an_action_is_stored_before_it_begins) {
        add_rule("r", "{}");
        observe("meta", 1);
        unsigned writes = fake_history_writes(history);

        observe("meta", 200);
        cr_expect_eq(world.writes, writes + 2); /* the book, the alert */
        restart_metricsd();
        cr_expect_str_eq(active("remediationAttempts"), "1");
        cr_expect_eq(alert_book_count(alert_engine_book(engine), "meta", MINUTE, now, NULL), 1);
}

Test(alert_restore, the_history_is_the_same) {
        _cleanup_(freep) char *before = NULL, *after = NULL;

        add_rule("r", "{\"dryRun\":true}");
        for (unsigned i = 0; i < 3; i++) {
                observe("meta", 200 + i);
                pass(SECOND);
                observe("meta", 1);
        }
        before = copy_of("history", 0);
        restart_metricsd();
        cr_assert_eq(n_history(), 3);
        after = copy_of("history", 0);
        cr_expect_str_eq(after, before);
        cr_expect_str_eq(text_of(nth("history", 2), "value"), "200");
}

Test(alert_restore, an_alert_without_its_rule_ends) {
        add_rule("r", "{\"dryRun\":true}");
        add_rule("off", "{\"dryRun\":true}");
        observe("meta", 200);
        fake_history_fail(history, -ENOSPC); /* the end cannot be stored */
        alert_engine_tick(engine, now);
        observe("meta", 1);
        fake_history_fail(history, 0);
        restart_metricsd();
        cr_assert_eq(n_active(), 1);
        while (alert_engine_book(engine)->n_rules > 0)
                cr_assert_eq(alert_engine_delete_rule(engine, alert_engine_book(engine)->rules[0]->id, now), 0);
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 0);
}

Test(alert_restore, an_alert_without_its_service_ends) {
        add_rule("r", "{\"dryRun\":true}");
        observe("coach", 200);
        observe("meta", 200);
        restart_metricsd();
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 2);
        world.gone = "coach";
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 1);
        cr_expect_str_eq(past("service"), "coach");
}

Test(alert_restore, a_triggered_one_ends_in_its_time) {
        add_rule("r", "{}");
        cr_assert_eq(trigger(6000, NULL, false), 1);
        restart_metricsd();
        cr_assert_eq(n_active(), 1);
        pass(ALERT_TRIGGERED_USEC);
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 0);
}

Test(alert_restore, whom_it_has_told_it_tells_of_the_end) {
        add_rule("r", "{\"action\":\"notify\",\"actionParams\":{\"desktop\":true}}");
        observe("meta", 200);
        notice_over(NULL);
        alert_engine_tick(engine, now); /* that it was told is stored with the next tick at the latest */
        restart_metricsd();
        observe("meta", 200);
        cr_expect_eq(world.notices, 1);
        observe("meta", 1);
        cr_expect_eq(world.ends, 1);
        cr_expect_str_eq(world.last_params, "{\"desktop\":true}");
}

Test(alert_restore, a_refusal_is_noted_once) {
        add_rule("r", "{}");
        world.condition = FLEET_STOPPED;
        observe("meta", 200);
        restart_metricsd();
        observe("meta", 200);
        cr_expect_str_eq(active("remediationCode"), "stopped");
        cr_expect_eq(n_notes("remediation refused"), 1);
}

Test(alert_restore, a_suppressed_one_stays_so) {
        add_rule("r", "{}");
        world.down = "training";
        observe("coach", 200);
        restart_metricsd();
        cr_expect_str_eq(active("suppressedBy"), "training");
        observe("coach", 200);
        cr_expect_eq(world.acts, 0);
        world.down = NULL;
        observe("coach", 200);
        cr_expect_eq(world.acts, 1);
}

Test(alert_restore, the_fleet_s_alert_goes_on) {
        _cleanup_(freep) char *id = NULL;

        add_rule("r", "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1}");
        world.unhealthy = 6;
        observe_health("s0", 0.5);
        cr_assert_eq(n_active(), 1);
        id = strdup(active("id"));
        /* At first nothing is known of anybody. */
        world.unhealthy = 0;
        world.unknown = true;
        restart_metricsd();
        cr_expect_str_eq(active("group"), "[ \"s0\", \"s1\", \"s2\", \"s3\", \"s4\", \"s5\" ]");
        alert_engine_tick(engine, now);
        cr_assert_eq(n_active(), 1);
        for (world.unhealthy = 1; world.unhealthy <= 6; world.unhealthy++) {
                observe_health("s0", 0.5);
                alert_engine_tick(engine, now);
        }
        world.unhealthy = 6;
        world.unknown = false;
        alert_engine_tick(engine, now);
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("id"), id);
        cr_expect_eq(n_history(), 0);
        cr_expect_eq(world.acts, 0);
        for (unsigned i = 0; i < 6; i++) {
                char service[16];

                (void) snprintf(service, sizeof(service), "s%u", i);
                observe_health(service, 1);
        }
        world.unhealthy = 0;
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 0);
        cr_expect_str_eq(past("id"), id);
}

Test(alert_restore, the_fleet_s_alert_ends_when_all_are_well) {
        add_rule("r", "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1}");
        world.unhealthy = 6;
        observe_health("s0", 0.5);
        world.unhealthy = 0;
        restart_metricsd();
        for (unsigned i = 0; i < 6; i++) {
                char service[16];

                (void) snprintf(service, sizeof(service), "s%u", i);
                observe_health(service, 1);
        }
        alert_engine_tick(engine, now);
        cr_expect_eq(n_active(), 0);
}

Test(alert_restore, of_the_fleet_s_alert_nothing_is_left_for_a_service_that_is_gone) {
        add_rule("r", "{\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1}");
        world.unhealthy = 6;
        observe_health("s0", 0.5);
        world.gone = "s5";
        restart_metricsd();
        world.unhealthy = 1;
        for (unsigned i = 1; i < 5; i++) {
                char service[16];

                (void) snprintf(service, sizeof(service), "s%u", i);
                observe_health(service, 1);
        }
        observe_health("s0", 0.5);
        add_rule("other", "{}"); /* before the first tick, too */
        cr_assert_eq(n_active(), 1);
        alert_engine_tick(engine, now);
        cr_assert_eq(n_active(), 1);
        cr_expect_str_eq(active("service"), "s0");
}

Test(alert_restore, what_cannot_be_read_is_passed_over) {
        static const char *const texts[] = {
                "", "[]", "{}", "{\"id\":\"a\"}", "{\"id\":\"b\",\"metric\":\"service.cpu\",\"severity\":\"info\"}",
                /* Nothing could ever end it. */
                "{\"id\":\"c\",\"metric\":\"service.cpu\",\"severity\":\"info\",\"timestamp\":\"2023-11-14T22:13:20.000Z\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char id[16];

                (void) snprintf(id, sizeof(id), "a%zu", i);
                cr_assert_eq(history_put_alert(history, id, 1, 0, texts[i]), 0);
        }
        restart_metricsd();
        cr_expect_eq(n_active(), 0);
        cr_expect_eq(n_history(), 0);
}

/* --- A full disk --- */

Test(alert_restore, alerts_and_actions_go_on_and_are_stored_once_there_is_room) {
        unsigned writes;

        add_rule("r", "{}");
        fake_history_fail(history, -ENOSPC);
        observe("meta", 200);
        cr_expect_eq(world.acts, 1);
        writes = fake_history_writes(history);
        observe("meta", 201);
        restart_succeeds("meta");
        observe("meta", 1);
        cr_expect_eq(fake_history_writes(history), writes); /* not before the next tick */
        alert_engine_tick(engine, now);
        cr_expect_gt(fake_history_writes(history), writes);
        fake_history_fail(history, 0);
        alert_engine_tick(engine, now);
        restart_metricsd();
        cr_assert_eq(n_history(), 1);
        cr_expect_str_eq(past("helped"), "true");
        cr_expect_eq(alert_book_count(alert_engine_book(engine), "meta", MINUTE, now, NULL), 1);
}

/* One that is too large for it must not keep the others. */
Test(alert_restore, one_that_can_never_be_stored) {
        unsigned writes;

        add_rule("r", "{\"dryRun\":true}");
        fake_history_fail(history, -EFBIG);
        observe("meta", 200);
        observe("training", 200);
        alert_engine_tick(engine, now);
        writes = fake_history_writes(history);
        alert_engine_tick(engine, now);
        cr_expect_eq(fake_history_writes(history), writes); /* not tried again, and nobody waits */
}

/* A value that is nothing new is no reason to write. */
Test(alert_restore, only_changes_are_stored) {
        unsigned writes;

        add_rule("r", "{\"dryRun\":true}");
        observe("meta", 200);
        alert_engine_tick(engine, now);
        writes = fake_history_writes(history);
        for (unsigned i = 0; i < 100; i++) {
                pass(SECOND);
                observe("meta", 200 + i);
                alert_engine_tick(engine, now);
        }
        cr_expect_eq(fake_history_writes(history), writes);
        observe("meta", 1);
        cr_expect_eq(fake_history_writes(history), writes + 1);
}
