/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

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
}

static void tear_down(void) {
        w = watched_free(w);
}

TestSuite(watched, .init = set_up, .fini = tear_down);

static unsigned answer(unsigned status, double ms) {
        return watched_take_probe(w, &(ProbeResult) { .status = status, .response_ms = ms, .generation = 1, .at = 1,
                                                      .requests = UINT64_MAX, .errors = UINT64_MAX });
}

static unsigned fail(const char *why) {
        return watched_take_probe(w, &(ProbeResult) { .why = why, .response_ms = 5000, .at = 1 });
}

static void go(FleetCondition condition, const char *active, const char *sub) {
        unit.condition = condition;
        unit.active_state = s(active);
        unit.sub_state = s(sub);
}

Test(watched, unknown_until_answered) {
        cr_expect_eq(w->health, HEALTH_OFFLINE);
        cr_expect(watched_follow_unit(w) & WATCHED_NEW_RUN);
        cr_expect_eq(w->health, HEALTH_UNKNOWN);
        cr_expect_eq(watched_follow_unit(w), 0); /* nothing new */
        cr_expect_eq(answer(200, 3), WATCHED_HEALTH | WATCHED_NEWS);
        cr_expect_eq(w->health, HEALTH_HEALTHY);
        cr_expect_eq(w->generation, 1);
        cr_expect_eq(answer(200, 4), 0); /* the same but for the time */
        cr_expect_eq(w->response_ms, 4);
}

Test(watched, degraded_after_two_failures) {
        (void) watched_follow_unit(w);
        (void) answer(200, 3);
        cr_expect(fail("no answer within 5 s") & WATCHED_HEALTH, "the problem is there at once");
        cr_expect_eq(w->health, HEALTH_HEALTHY);
        cr_expect_str_eq(w->problem, "no answer within 5 s");
        cr_expect(!w->answered);
        cr_expect(fail("no answer within 5 s") & WATCHED_HEALTH);
        cr_expect_eq(w->health, HEALTH_DEGRADED);
        cr_expect_eq(fail("no answer within 5 s"), 0);
        cr_expect(answer(200, 3) & WATCHED_HEALTH, "one good answer is enough");
        cr_expect_eq(w->health, HEALTH_HEALTHY);
        cr_expect_null(w->problem);
        (void) fail("no answer within 5 s");
        cr_expect_eq(w->health, HEALTH_HEALTHY, "failures are counted in a row");
}

Test(watched, other_answers) {
        (void) watched_follow_unit(w);
        (void) answer(503, 3);
        cr_expect_eq(w->health, HEALTH_UNKNOWN);
        cr_expect_str_eq(w->problem, "answers 503");
        (void) watched_take_probe(w, &(ProbeResult) { .status = 503, .why = "no disk", .response_ms = 2 });
        cr_expect_eq(w->health, HEALTH_DEGRADED);
        cr_expect_str_eq(w->problem, "answers 503: no disk");
        cr_expect(w->answered);
}

Test(watched, two_and_three_hundreds_are_well) {
        static const struct {
                unsigned status;
                Health health;
        } cases[] = {
                { 199, HEALTH_DEGRADED }, { 200, HEALTH_HEALTHY }, { 204, HEALTH_HEALTHY }, { 302, HEALTH_HEALTHY },
                { 399, HEALTH_HEALTHY },  { 400, HEALTH_DEGRADED }, { 404, HEALTH_DEGRADED }, { 500, HEALTH_DEGRADED },
        };

        (void) watched_follow_unit(w);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                for (unsigned times = 0; times < 2; times++) /* one bad answer alone is not believed */
                        (void) answer(cases[i].status, 3);
                cr_expect_eq(w->health, cases[i].health, "%u", cases[i].status);
        }
}

Test(watched, slow_is_from_one_second_on) {
        (void) watched_follow_unit(w);
        (void) answer(200, PROBE_SLOW_MS);
        cr_expect_eq(w->health, HEALTH_HEALTHY);
        (void) answer(200, PROBE_SLOW_MS + 0.1);
        (void) answer(200, 1620);
        cr_expect_eq(w->health, HEALTH_DEGRADED);
        cr_expect_str_eq(w->problem, "answers only after 1.6 s");
}

Test(watched, down_is_offline_at_once) {
        (void) watched_follow_unit(w);
        (void) answer(200, 3);
        w->memory = 1;
        w->cpu = 1;
        go(FLEET_CHANGING, "deactivating", "stop-sigterm");
        cr_expect_eq(watched_follow_unit(w), WATCHED_HEALTH | WATCHED_NEWS);
        cr_expect_eq(w->health, HEALTH_OFFLINE);
        cr_expect_null(w->problem, "nobody is told of a problem who has stopped it");
        cr_expect_eq(w->memory, MEMORY_UNKNOWN);
        cr_expect(w->cpu < 0 && w->response_ms < 0 && !w->answered && w->generation == 0);
        go(FLEET_STOPPED, "inactive", "dead");
        cr_expect_eq(watched_follow_unit(w), WATCHED_NEWS);
}

Test(watched, crash_and_failure_say_why) {
        (void) watched_follow_unit(w);
        (void) answer(200, 3);
        go(FLEET_CHANGING, "deactivating", "stop-post");
        unit.result = s("signal");
        cr_expect(watched_follow_unit(w) & WATCHED_HEALTH);
        cr_expect_str_eq(w->problem, "its last run ended badly (signal); systemd starts it again");
        go(FLEET_FAILED, "failed", "failed");
        (void) watched_follow_unit(w);
        cr_expect_str_eq(w->problem, "failed (signal)");
        unit.failure = s("its process was killed by SIGKILL");
        cr_expect(watched_follow_unit(w) & WATCHED_HEALTH);
        cr_expect_str_eq(w->problem, "its process was killed by SIGKILL");
}

Test(watched, another_run_begins_anew) {
        (void) watched_follow_unit(w);
        (void) fail("no answer within 5 s");
        unit.invocation_id[0] = 'b'; /* it went so fast that only this shows it */
        cr_expect(watched_follow_unit(w) & WATCHED_NEW_RUN);
        cr_expect_eq(w->health, HEALTH_UNKNOWN);
        cr_expect_eq(w->failures, 0);
        cr_expect_null(w->problem);
}

Test(watched, reload_is_told) {
        (void) watched_follow_unit(w);
        go(FLEET_RUNNING, "reloading", "reload");
        cr_expect_eq(watched_follow_unit(w), WATCHED_NEWS);
        go(FLEET_RUNNING, "active", "running");
        cr_expect_eq(watched_follow_unit(w), WATCHED_NEWS | WATCHED_RELOADED);
        (void) answer(200, 1);
        cr_expect_eq(watched_take_probe(w, &(ProbeResult) { .status = 200, .response_ms = 1, .generation = 2 }),
                     WATCHED_NEWS);
        cr_expect_eq(w->generation, 2);
}

Test(watched, restarts_are_news) {
        (void) watched_follow_unit(w);
        unit.restarts = 1;
        cr_expect_eq(watched_follow_unit(w), WATCHED_NEWS);
        cr_expect_eq(watched_follow_unit(w), 0);
}

Test(watched, itself_need_not_ask) {
        w->self = true;
        go(FLEET_CHANGING, "activating", "start");
        (void) watched_follow_unit(w);
        cr_expect_eq(w->health, HEALTH_HEALTHY);
        cr_expect_eq(w->generation, 1);
}

static void count(uint64_t requests, uint64_t errors) {
        (void) watched_take_probe(w, &(ProbeResult) { .status = 200, .requests = requests, .errors = errors });
}

Test(watched, error_rate_between_two_probes) {
        (void) watched_follow_unit(w);
        count(100, 50);
        cr_expect(w->error_rate < 0, "one count says nothing of now");
        count(110, 51);
        cr_expect_float_eq(w->error_rate, 0.1, 1e-9);
        count(110, 51);
        cr_expect(w->error_rate < 0, "no request, no rate");
        count(5, 0);
        cr_expect(w->error_rate < 0, "a count that went down");
        count(6, 1);
        cr_expect_float_eq(w->error_rate, 1, 1e-9);
        count(7, 9);
        cr_expect(w->error_rate < 0, "more errors than requests are no rate");
        count(UINT64_MAX, UINT64_MAX);
        count(8, 9);
        cr_expect(w->error_rate < 0);
}
