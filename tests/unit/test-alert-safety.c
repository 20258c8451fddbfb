/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "metricsd/alert/safety.h"

/* All is well, and a restart allowed. */
static AlertSafety good(void) {
        return (AlertSafety) { .action = ACTION_RESTART_SERVICE, .service = "meta", .known = true,
                               .condition = FLEET_RUNNING, .failure = "", .restarted = UINT64_MAX,
                               .recent_ends = "12:00", .total = 13 };
}

static void expect(AlertSafety s, SafetyVerdict verdict, const char *words) {
        _cleanup_(freep) char *reason = NULL;
        SafetyVerdict got;

        cr_assert_eq(alert_safety_judge(&s, &got, &reason), 0);
        cr_expect_eq(got, verdict, "%d instead of %d: %s", got, verdict, strna(reason));
        cr_expect_eq(reason == NULL, verdict == SAFETY_OK);
        if (words)
                cr_expect(reason && strstr(reason, words), "%s", strna(reason));
}

Test(alert_safety, allowed) {
        AlertSafety s = good();

        expect(s, SAFETY_OK, NULL);
        s.action = ACTION_RELOAD_SERVICE;
        expect(s, SAFETY_OK, NULL);
}

Test(alert_safety, only_a_service_that_runs) {
        static const struct {
                FleetCondition condition;
                SafetyVerdict verdict;
                const char *words;
        } cases[] = {
                { FLEET_STOPPED, SAFETY_STOPPED, "meta was stopped on purpose; 'toolooctl start meta'" },
                { FLEET_ASLEEP, SAFETY_ASLEEP, "has not run yet" },
                { FLEET_CHANGING, SAFETY_CHANGING, "systemd is starting, stopping or restarting meta already" },
                { FLEET_FAILED, SAFETY_FAILED, "systemd has given meta up, for it crashed: it needs a person" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                AlertSafety s = good();

                s.condition = cases[i].condition;
                s.failure = "it crashed";
                expect(s, cases[i].verdict, cases[i].words);
                s.by_hand = true;
                expect(s, cases[i].verdict, cases[i].words);
        }
}

Test(alert_safety, whom) {
        AlertSafety s = good();

        s.service = NULL;
        expect(s, SAFETY_NO_SERVICE, "neither the rule nor the request names one");
        s = good();
        s.known = false;
        expect(s, SAFETY_UNKNOWN_SERVICE, "there is no service meta");
        s = good();
        s.is_self = true;
        expect(s, SAFETY_SELF, "cannot see to a restart of itself");
}

Test(alert_safety, what_crashes_is_systemd_s) {
        AlertSafety s = good();

        s.restarted = SAFETY_CRASH_WINDOW - 1;
        expect(s, SAFETY_CRASHED, "systemd has restarted meta 29s");
        s.by_hand = true;
        expect(s, SAFETY_OK, NULL);
        s.by_hand = false;
        s.restarted = SAFETY_CRASH_WINDOW;
        expect(s, SAFETY_OK, NULL);
}

/* What every action on a service is bound by, a switch of the provider is not. */
Test(alert_safety, what) {
        static const AlertActionType types[] = { ACTION_RESTART_SERVICE, ACTION_RELOAD_SERVICE, ACTION_SCALE_UP,
                                                 ACTION_SWITCH_PROVIDER };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                bool on_a_service = types[i] != ACTION_SWITCH_PROVIDER;
                AlertSafety s = good();

                s.action = types[i];
                expect(s, SAFETY_OK, NULL);
                s.recent = 3;
                expect(s, SAFETY_NEEDS_A_PERSON, NULL);
                s.recent = 0;
                s.in_flight = "training";
                expect(s, SAFETY_BUSY, NULL);
                s.in_flight = NULL;
                s.distrust = true;
                expect(s, on_a_service ? SAFETY_FLEET_UNHEALTHY : SAFETY_OK, NULL);
                s.distrust = false;
                s.service = NULL;
                expect(s, on_a_service ? SAFETY_NO_SERVICE : SAFETY_OK, NULL);
        }
}

Test(alert_safety, three_in_half_an_hour) {
        AlertSafety s = good();

        s.recent = 2;
        expect(s, SAFETY_OK, NULL);
        s.recent = 3;
        expect(s, SAFETY_NEEDS_A_PERSON, "needs a person (no further action before 12:00)");
        s.by_hand = true;
        expect(s, SAFETY_NEEDS_A_PERSON, NULL);
}

Test(alert_safety, not_when_the_fleet_is_unwell) {
        AlertSafety s = good();

        s.distrust = true;
        s.unhealthy = 6;
        expect(s, SAFETY_FLEET_UNHEALTHY, "6 of 13 services are not healthy");
        s.by_hand = true;
        expect(s, SAFETY_OK, NULL);
}

Test(alert_safety, when_the_check_is_distrusted) {
        static const struct {
                unsigned unhealthy, total;
                bool begins, goes_on;
        } cases[] = {
                { 0, 0, false, false },  { 5, 13, false, true }, { 6, 13, true, true },    { 4, 13, false, true },
                { 3, 13, false, false }, { 4, 10, false, true }, { 5, 10, true, true },    { 3, 10, false, false },
                { 2, 5, false, true },   { 3, 5, true, true },   { 1, 1, false, false },   { 1, 2, false, false },
                { 2, 2, true, true },    { 80, 200, false, true }, { 81, 200, true, true }, { 60, 200, false, false },
                { 61, 200, false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cr_expect_eq(alert_safety_distrust(cases[i].unhealthy, cases[i].total, false), cases[i].begins, "%zu", i);
                cr_expect_eq(alert_safety_distrust(cases[i].unhealthy, cases[i].total, true), cases[i].goes_on, "%zu", i);
        }
}

Test(alert_safety, words) {
        cr_expect_null(safety_verdict_to_string(SAFETY_OK));
        cr_expect_eq(safety_verdict_from_string("nothing"), SAFETY_OK);
        for (int v = SAFETY_OK + 1; v < _SAFETY_MAX; v++)
                cr_expect_eq(safety_verdict_from_string(safety_verdict_to_string(v)), (SafetyVerdict) v);
}

Test(alert_safety, one_at_a_time) {
        AlertSafety s = good();

        s.in_flight = "training";
        expect(s, SAFETY_BUSY, "an action on training is still under way");
        s.by_hand = true;
        expect(s, SAFETY_BUSY, NULL);
}
