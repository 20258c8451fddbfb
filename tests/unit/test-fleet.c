/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "shared/fleet-internal.h"
#include "shared/unit-state.h"

typedef struct Case {
        const char *load, *active, *sub, *socket;
        uint32_t job;
        bool has_run;
        FleetCondition expected;
} Case;

static void check(const Case *c) {
        UnitState s = {
                .load_state = (char *) c->load,
                .active_state = (char *) c->active,
                .sub_state = (char *) c->sub,
                .socket_state = (char *) c->socket,
                .job = c->job,
                .inactive_exit = c->has_run ? 5 : 0,
        };
        FleetCondition now = fleet_condition_of(&s);

        cr_expect_eq(now, c->expected, "%s %s (%s) socket %s job %u has_run %d: %s instead of %s", c->load, c->active, c->sub,
                     c->socket, c->job, c->has_run, fleet_condition_to_string(now), fleet_condition_to_string(c->expected));
}

Test(fleet, conditions) {
        static const Case cases[] = {
                { "loaded", "active", "running", "active", 0, true, FLEET_RUNNING },
                { "loaded", "active", "running", "active", 7, true, FLEET_RUNNING },
                { "loaded", "active", "running", "inactive", 0, true, FLEET_RUNNING },
                { "loaded", "active", "exited", "", 0, true, FLEET_RUNNING },
                { "loaded", "reloading", "reload", "active", 7, true, FLEET_RUNNING },
                { "loaded", "refreshing", "refresh-credentials", "active", 0, true, FLEET_RUNNING },
                { "masked", "active", "running", "active", 0, true, FLEET_RUNNING },

                { "loaded", "activating", "start", "active", 7, true, FLEET_CHANGING },
                { "loaded", "activating", "auto-restart", "active", 0, true, FLEET_CHANGING },
                { "loaded", "deactivating", "stop-sigterm", "active", 7, true, FLEET_CHANGING },
                { "loaded", "maintenance", "cleaning", "active", 0, true, FLEET_CHANGING },
                /* tooloo-backoff waits, and nobody asked for anything */
                { "loaded", "deactivating", "stop-post", "active", 0, true, FLEET_CHANGING },
                /* a restart by hand, between its two halves; the start of what has never run */
                { "loaded", "inactive", "dead", "active", 7, true, FLEET_CHANGING },
                { "loaded", "inactive", "dead", "inactive", 7, false, FLEET_CHANGING },
                { "loaded", "failed", "failed", "active", 7, true, FLEET_CHANGING },
                { "loaded", "failed", "failed-before-auto-restart", "active", 0, true, FLEET_CHANGING },
                { "loaded", "inactive", "dead-before-auto-restart", "active", 0, true, FLEET_CHANGING },

                { "loaded", "inactive", "dead", "active", 0, false, FLEET_ASLEEP },
                { "loaded", "inactive", "dead", "active", 0, true, FLEET_STOPPED },
                { "loaded", "inactive", "dead", "inactive", 0, false, FLEET_STOPPED },
                { "loaded", "inactive", "dead", "", 0, false, FLEET_STOPPED },
                { "masked", "inactive", "dead", "active", 0, false, FLEET_STOPPED },
                { "masked", "inactive", "dead", "failed", 0, false, FLEET_STOPPED },
                { "", "", "", "", 0, false, FLEET_STOPPED },

                { "loaded", "failed", "failed", "failed", 0, true, FLEET_FAILED },
                { "loaded", "failed", "failed", "active", 0, true, FLEET_FAILED },
                { "masked", "failed", "failed", "", 0, true, FLEET_FAILED },
                { "loaded", "inactive", "dead", "failed", 0, false, FLEET_FAILED },
                { "bad-setting", "inactive", "dead", "active", 0, false, FLEET_FAILED },
                { "error", "inactive", "dead", "active", 0, false, FLEET_FAILED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases + i);
}

Test(fleet, restarts) {
        cr_expect_eq(fleet_restarts_between(0, 0), 0);
        cr_expect_eq(fleet_restarts_between(2, 3), 1);
        cr_expect_eq(fleet_restarts_between(2, 5), 3);
        cr_expect_eq(fleet_restarts_between(3, 0), 0, "reset-failed is no restart");
        cr_expect_eq(fleet_restarts_between(3, 1), 1, "one since the reset");
}

Test(fleet, words) {
        cr_expect_str_eq(unit_state_word("loaded", "active", "running", "active"), "running");
        cr_expect_str_eq(unit_state_word("loaded", "active", "exited", NULL), "active");
        cr_expect_str_eq(unit_state_word("loaded", "activating", "auto-restart", ""), "restarting");
        cr_expect_str_eq(unit_state_word("loaded", "activating", "start", ""), "starting");
        cr_expect_str_eq(unit_state_word("loaded", "deactivating", "stop-post", ""), "stopping");
        cr_expect_str_eq(unit_state_word("loaded", "inactive", "dead", "inactive"), "stopped");
        cr_expect_str_eq(unit_state_word("loaded", "inactive", "dead", NULL), "stopped");
        cr_expect_str_eq(unit_state_word("loaded", "inactive", "dead", "active"), "waiting");
        cr_expect_str_eq(unit_state_word("masked", "inactive", "dead", "active"), "masked");
        cr_expect_str_eq(unit_state_word("masked", "active", "running", "active"), "running");
        cr_expect_str_eq(unit_state_word("loaded", "failed", "failed", "failed"), "failed");
        cr_expect_str_eq(unit_state_word(NULL, "reloading", NULL, NULL), "reloading");
}
