/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "../../metricsd/cause.h"
#include "../../metricsd/watched.h"
#include "basic/string-util.h"

static Service service;
static FleetUnit unit;
static Watched *w;

static char *s(const char *text) {
        return (char *) text; /* read alone */
}

static void set_up(void) {
        service = (Service) { .id = s("cup"), .name = s("Cup Server"), .category = s("extended"), .port = 3005 };
        unit = (FleetUnit) {
                .service = &service, .condition = FLEET_RUNNING, .load_state = s("loaded"), .active_state = s("active"),
                .sub_state = s("running"), .socket_state = s("active"), .result = s("success"), .status_text = s(""),
                .failure = s(""), .invocation_id = "aaaa", .pid = 4711,
        };
        cr_assert_eq(watched_new(&unit, false, &w), 0);
        (void) watched_follow_unit(w);
}

static void tear_down(void) {
        w = watched_free(w);
}

TestSuite(condition, .init = set_up, .fini = tear_down);

static void probe(unsigned status, const char *why) {
        (void) watched_take_probe(w, &(ProbeResult) { .status = status, .why = why, .response_ms = 3, .generation = 1,
                                                      .at = 1, .requests = UINT64_MAX, .errors = UINT64_MAX });
}

static void go(FleetCondition condition, const char *active, const char *sub) {
        unit.condition = condition;
        unit.active_state = s(active);
        unit.sub_state = s(sub);
        (void) watched_follow_unit(w);
}

static void expect(Condition condition, const char *words) {
        (void) condition_update(w);
        cr_expect_str_eq(condition_to_string(w->condition), condition_to_string(condition));
        if (!words)
                cr_expect_null(w->explanation);
        else
                cr_expect(w->explanation && strstr(w->explanation, words), "\"%s\" is not in \"%s\"", words,
                          strna(w->explanation));
        cr_expect_not(condition_update(w)); /* nothing new */
}

Test(condition, healthy_is_ok) {
        expect(CONDITION_STARTING, "has not answered yet");
        probe(200, NULL);
        expect(CONDITION_OK, NULL);
}

Test(condition, without_a_port_it_is_ok_while_it_runs) {
        service.port = 0;
        go(FLEET_STOPPED, "inactive", "dead");
        go(FLEET_RUNNING, "active", "running");
        expect(CONDITION_OK, NULL);
}

Test(condition, no_answer_twice_is_wedged_and_a_wrong_one_is_degraded) {
        probe(200, NULL);
        probe(0, "no answer within 5 s");
        expect(CONDITION_OK, NULL);
        probe(0, "no answer within 5 s");
        expect(CONDITION_WEDGED, "PID 4711) runs, but HTTP is dead: no answer within 5 s");
        probe(503, "not today");
        expect(CONDITION_DEGRADED, "answers 503: not today");
}

Test(condition, answer_before_ready_is_a_missing_ready) {
        go(FLEET_CHANGING, "activating", "start");
        expect(CONDITION_STARTING, "starting");
        cr_expect_eq(watched_take_early_answer(w, true), WATCHED_NEWS);
        expect(CONDITION_NO_READY, "READY=1");
        go(FLEET_CHANGING, "deactivating", "stop-sigterm");
        expect(CONDITION_STARTING, "stopping");
        cr_expect_not(w->early_answer);
}

Test(condition, early_answer_of_a_running_service_says_nothing) {
        cr_expect_eq(watched_take_early_answer(w, true), 0);
        cr_expect_not(w->early_answer);
}

Test(condition, start_is_timed_from_its_begin) {
        uint64_t since;

        cr_expect_eq(w->starting_since, 0);
        go(FLEET_CHANGING, "activating", "start");
        since = w->starting_since;
        cr_expect_gt(since, 0);
        unit.status_text = s("loading");
        (void) watched_follow_unit(w);
        cr_expect_eq(w->starting_since, since);
        go(FLEET_RUNNING, "active", "running");
        cr_expect_eq(w->starting_since, 0);
}

Test(condition, stopped_is_no_failure) {
        go(FLEET_STOPPED, "inactive", "dead");
        unit.socket_state = s("inactive");
        expect(CONDITION_STOPPED, "it is stopped");
}

Test(condition, failed_names_why) {
        unit.failure = s("its process exited with status 1");
        go(FLEET_FAILED, "failed", "failed");
        expect(CONDITION_FAILED, "its process exited with status 1");
}

Test(condition, failed_with_a_stranger_on_its_port_names_it) {
        unit.failure = s("its socket failed");
        w->port_taken = strdup("port 3005 is taken by PID 59 (python3)");
        go(FLEET_FAILED, "failed", "failed");
        expect(CONDITION_PORT_TAKEN, "taken by PID 59 (python3); end that process, then 'toolooctl restart cup'");
        free(w->port_taken);
        w->port_taken = NULL;
        expect(CONDITION_FAILED, "its socket failed");
}

Test(cause, table) {
        static const struct {
                RunEnd end;
                const char *cause;
        } table[] = {
                { { .result = "signal", .automatic = true }, "crash" },
                { { .result = "success", .automatic = true }, "crash" },
                { { .result = "", .automatic = true }, "crash" },
                { { .result = "oom-kill", .automatic = true }, "oom" },
                { { .result = "watchdog", .automatic = true, .by_metricsd = true }, "watchdog" },
                { { .result = "success", .by_metricsd = true }, "metricsd" },
                { { .result = "timeout", .by_metricsd = true, .for_change = true }, "metricsd" },
                { { .result = "success", .for_change = true }, "reload" },
                { { .result = "success" }, "person" },
                { { .result = "watchdog" }, "person" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                cr_expect_str_eq(restart_cause(&table[i].end), table[i].cause, "row %zu", i);
        cr_expect_neq(strstr(restart_cause_words("watchdog"), "watchdog"), NULL);
        cr_expect_str_eq(restart_cause_words("unknown"), "while metricsd did not look");
}
