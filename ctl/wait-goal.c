/* SPDX-License-Identifier: MIT */
#include "wait-goal.h"

static const char *const names[] = {
        [WAIT_HEALTHY] = "healthy",
        [WAIT_RUNNING] = "running",
        [WAIT_STOPPED] = "stopped",
};

WaitGoal wait_goal_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], s))
                        return (WaitGoal) i;
        return WAIT_INVALID;
}

const char *wait_goal_to_string(WaitGoal goal) {
        return names[goal];
}

static bool is_at_rest(const FleetUnit *unit) {
        return unit->condition == FLEET_STOPPED || unit->condition == FLEET_ASLEEP || unit->condition == FLEET_FAILED;
}

WaitVerdict wait_judge(WaitGoal goal, const FleetUnit *unit, const char *health) {
        if (goal == WAIT_STOPPED)
                return is_at_rest(unit) ? WAIT_REACHED : WAIT_NOT_YET;
        if (unit->condition == FLEET_FAILED)
                return *unit->failure ? WAIT_NEVER : WAIT_NOT_YET;
        if (is_at_rest(unit) && streq(unit->load_state, "masked"))
                return WAIT_NEVER;
        if (unit->condition != FLEET_RUNNING)
                return WAIT_NOT_YET;
        return goal == WAIT_RUNNING || (health && streq(health, "healthy")) ? WAIT_REACHED : WAIT_NOT_YET;
}

char *wait_describe(const FleetUnit *unit, const char *health, const char *problem) {
        const char *word = fleet_unit_word(unit);

        if (unit->condition == FLEET_FAILED)
                return *unit->failure ? str_printf("failed: %s", unit->failure) : strdup("failed");
        if (unit->condition != FLEET_RUNNING || !health)
                return strdup(word);
        if (streq(health, "unknown"))
                return str_printf("%s, not asked for its health yet", word);
        return str_printf("%s, %s%s%s", word, health, problem && *problem ? ": " : "", strempty(problem));
}
