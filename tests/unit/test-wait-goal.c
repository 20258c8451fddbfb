/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "../../ctl/wait-goal.h"

static FleetUnit unit_of(FleetCondition condition, const char *failure, const char *load) {
        return (FleetUnit) { .condition = condition, .failure = (char *) failure, .load_state = (char *) load,
                             .active_state = (char *) (condition == FLEET_RUNNING ? "active" : "inactive"),
                             .sub_state = (char *) "running", .socket_state = (char *) "" };
}

Test(wait_goal, verdicts) {
        static const struct {
                WaitGoal goal;
                FleetCondition condition;
                const char *failure, *load, *health;
                WaitVerdict expected;
        } cases[] = {
                { WAIT_HEALTHY, FLEET_RUNNING, "", "loaded", "healthy", WAIT_REACHED },
                { WAIT_HEALTHY, FLEET_RUNNING, "", "loaded", NULL, WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_RUNNING, "", "loaded", "unknown", WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_RUNNING, "", "loaded", "degraded", WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_CHANGING, "", "loaded", "healthy", WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_STOPPED, "", "loaded", "healthy", WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_ASLEEP, "", "loaded", NULL, WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_FAILED, "", "loaded", "offline", WAIT_NOT_YET },
                { WAIT_HEALTHY, FLEET_FAILED, "why", "loaded", "offline", WAIT_NEVER },
                { WAIT_HEALTHY, FLEET_STOPPED, "", "masked", NULL, WAIT_NEVER },
                /* masked while it runs: it goes on running */
                { WAIT_HEALTHY, FLEET_RUNNING, "", "masked", "healthy", WAIT_REACHED },
                { WAIT_RUNNING, FLEET_RUNNING, "", "loaded", NULL, WAIT_REACHED },
                { WAIT_RUNNING, FLEET_RUNNING, "", "loaded", "degraded", WAIT_REACHED },
                { WAIT_RUNNING, FLEET_CHANGING, "", "loaded", NULL, WAIT_NOT_YET },
                { WAIT_RUNNING, FLEET_FAILED, "why", "loaded", NULL, WAIT_NEVER },
                { WAIT_RUNNING, FLEET_STOPPED, "", "masked", NULL, WAIT_NEVER },
                { WAIT_STOPPED, FLEET_RUNNING, "", "loaded", NULL, WAIT_NOT_YET },
                { WAIT_STOPPED, FLEET_CHANGING, "", "loaded", NULL, WAIT_NOT_YET },
                { WAIT_STOPPED, FLEET_STOPPED, "", "loaded", NULL, WAIT_REACHED },
                { WAIT_STOPPED, FLEET_ASLEEP, "", "loaded", NULL, WAIT_REACHED },
                { WAIT_STOPPED, FLEET_FAILED, "", "loaded", NULL, WAIT_REACHED },
                { WAIT_STOPPED, FLEET_STOPPED, "", "masked", NULL, WAIT_REACHED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                FleetUnit unit = unit_of(cases[i].condition, cases[i].failure, cases[i].load);

                cr_expect_eq(wait_judge(cases[i].goal, &unit, cases[i].health), cases[i].expected, "case %zu", i);
        }
}

Test(wait_goal, words) {
        cr_expect_eq(wait_goal_from_string("healthy"), WAIT_HEALTHY);
        cr_expect_eq(wait_goal_from_string("running"), WAIT_RUNNING);
        cr_expect_eq(wait_goal_from_string("stopped"), WAIT_STOPPED);
        cr_expect_eq(wait_goal_from_string(""), WAIT_INVALID);
        cr_expect_eq(wait_goal_from_string("Healthy"), WAIT_INVALID);
}

Test(wait_goal, how_it_stands) {
        static const struct {
                FleetCondition condition;
                const char *failure, *health, *problem, *expected;
        } cases[] = {
                { FLEET_RUNNING, "", "degraded", "answers 500", "running, degraded: answers 500" },
                { FLEET_RUNNING, "", "degraded", "", "running, degraded" },
                { FLEET_RUNNING, "", "degraded", NULL, "running, degraded" },
                { FLEET_RUNNING, "", "unknown", "", "running, not asked for its health yet" },
                { FLEET_RUNNING, "", NULL, NULL, "running" },
                { FLEET_STOPPED, "", "offline", "connection refused", "stopped" },
                { FLEET_FAILED, "it crashed", "offline", "", "failed: it crashed" },
                { FLEET_FAILED, "", NULL, NULL, "failed" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                FleetUnit unit = unit_of(cases[i].condition, cases[i].failure, "loaded");
                _cleanup_(freep) char *text = wait_describe(&unit, cases[i].health, cases[i].problem);

                cr_expect_str_eq(text, cases[i].expected);
        }
}
