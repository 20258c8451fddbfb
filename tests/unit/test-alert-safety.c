/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "metricsd/alert/safety.h"

/* All is well, and a restart allowed. */
static AlertSafety good(void) {
        return (AlertSafety) { .action = ACTION_RESTART_SERVICE, .service = "meta", .known = true,
                               .condition = FLEET_RUNNING, .failure = "", .recent_ends = "12:00", .total = 13 };
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

Test(alert_safety, what) {
        for (AlertActionType action = 0; action < _ACTION_MAX; action++) {
                AlertSafety s = good();
                bool available = action == ACTION_RESTART_SERVICE || action == ACTION_RELOAD_SERVICE;

                s.action = action;
                expect(s, available ? SAFETY_OK : SAFETY_NOT_AVAILABLE, available ? NULL : "not available yet");
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
        static const struct {
                unsigned unhealthy, total;
                bool allowed;
        } cases[] = {
                { 0, 0, true }, { 5, 13, true }, { 6, 13, false }, { 4, 10, true }, { 5, 10, false }, { 2, 5, true },
                { 3, 5, false }, { 1, 1, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                AlertSafety s = good();

                s.unhealthy = cases[i].unhealthy;
                s.total = cases[i].total;
                expect(s, cases[i].allowed ? SAFETY_OK : SAFETY_FLEET_UNHEALTHY, NULL);
                s.by_hand = true;
                expect(s, SAFETY_OK, NULL);
        }
}

Test(alert_safety, one_at_a_time) {
        AlertSafety s = good();

        s.in_flight = "training";
        expect(s, SAFETY_BUSY, "an action on training is still under way");
        s.by_hand = true;
        expect(s, SAFETY_BUSY, NULL);
}
