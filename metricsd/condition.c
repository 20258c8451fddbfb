/* SPDX-License-Identifier: MIT */
#include "condition.h"

#include "basic/string-util.h"
#include "watched.h"

const char *condition_to_string(Condition condition) {
        static const char *const names[] = {
                [CONDITION_STOPPED] = "stopped",
                [CONDITION_STARTING] = "starting",
                [CONDITION_OK] = "ok",
                [CONDITION_DEGRADED] = "degraded",
                [CONDITION_WEDGED] = "wedged",
                [CONDITION_NO_READY] = "no-ready",
                [CONDITION_FAILED] = "failed",
                [CONDITION_PORT_TAKEN] = "port-taken",
        };

        return names[condition];
}

static Condition judge_running(const Watched *w) {
        switch (w->health) {
        case HEALTH_HEALTHY:
                return CONDITION_OK;
        case HEALTH_DEGRADED:
                return w->answered ? CONDITION_DEGRADED : CONDITION_WEDGED;
        default:
                return CONDITION_STARTING;
        }
}

static Condition judge(const Watched *w) {
        switch (w->unit->condition) {
        case FLEET_RUNNING:
                return judge_running(w);
        case FLEET_CHANGING:
                return w->early_answer ? CONDITION_NO_READY : CONDITION_STARTING;
        case FLEET_FAILED:
                return w->port_taken ? CONDITION_PORT_TAKEN : CONDITION_FAILED;
        case FLEET_STOPPED:
        case FLEET_ASLEEP:
        default:
                return w->self ? CONDITION_OK : CONDITION_STOPPED;
        }
}

static char *explain(const Watched *w, Condition condition) {
        const char *id = w->unit->service->id, *problem = w->problem;

        switch (condition) {
        case CONDITION_OK:
                return NULL;
        case CONDITION_STOPPED:
                return str_printf("it is %s; 'toolooctl start %s' starts it", fleet_unit_word(w->unit), id);
        case CONDITION_STARTING:
                return problem ? strdup(problem) : str_printf("it is %s", w->running ? "running, and has not answered yet"
                                                                                     : fleet_unit_word(w->unit));
        case CONDITION_DEGRADED:
                return str_printf("it %s", strna(problem));
        case CONDITION_WEDGED:
                return str_printf("its process (PID %u) runs, but HTTP is dead: %s; 'toolooctl restart %s' restarts it",
                                  w->unit->pid, strna(problem), id);
        case CONDITION_NO_READY:
                return str_printf("it answers HTTP, but has not told systemd that it is ready: its program has to send "
                                  "READY=1 (sd_notify), or its unit to say Type=exec; systemd will end it");
        case CONDITION_PORT_TAKEN:
                return str_printf("%s; end that process, then 'toolooctl restart %s'", w->port_taken, id);
        case CONDITION_FAILED:
        default:
                return str_printf("%s; 'toolooctl logs %s' says more, 'toolooctl restart %s' tries again", strna(problem),
                                  id, id);
        }
}

bool condition_update(Watched *w) {
        Condition condition = judge(w);
        _cleanup_(freep) char *explanation = explain(w, condition); /* without memory there is none */
        bool same = explanation && w->explanation ? streq(explanation, w->explanation) : explanation == w->explanation;

        if (same && condition == w->condition)
                return false;
        w->condition = condition;
        free(w->explanation);
        w->explanation = TAKE_PTR(explanation);
        return true;
}
