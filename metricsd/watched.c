/* SPDX-License-Identifier: MIT */
#include "watched.h"

#include "basic/string-util.h"

const char *health_to_string(Health health) {
        static const char *const names[] = {
                [HEALTH_UNKNOWN] = "unknown",
                [HEALTH_HEALTHY] = "healthy",
                [HEALTH_DEGRADED] = "degraded",
                [HEALTH_OFFLINE] = "offline",
        };

        return names[health];
}

int watched_new(FleetUnit *unit, bool self, Watched **ret) {
        Watched *w = malloc(sizeof(Watched));

        if (!w)
                return -ENOMEM;
        *w = (Watched) {
                .unit = unit,
                .self = self,
                .health = HEALTH_OFFLINE,
                .response_ms = -1,
                .memory = MEMORY_UNKNOWN,
                .cpu = -1,
        };
        *ret = w;
        return 0;
}

Watched *watched_free(Watched *w) {
        if (w)
                free(w->problem);
        free(w);
        return NULL;
}

/* Takes over problem. */
static unsigned set_health(Watched *w, Health health, char *problem) {
        bool same = problem && w->problem ? streq(problem, w->problem) : problem == w->problem;
        unsigned changes = same && health == w->health ? 0 : WATCHED_HEALTH | WATCHED_NEWS;

        free(w->problem);
        w->problem = problem;
        w->health = health;
        return changes;
}

/* What is known of a process goes with it. */
static void forget_run(Watched *w) {
        w->failures = 0;
        w->response_ms = -1;
        w->answered = false;
        w->generation = 0;
        w->memory = MEMORY_UNKNOWN;
        w->cpu = -1;
}

/* Without memory a problem goes without words, here and below. */
static char *unit_problem(const FleetUnit *u) {
        if (u->condition == FLEET_FAILED)
                return *u->failure ? strdup(u->failure) : str_printf("failed (%s)", u->result);
        if (u->condition == FLEET_CHANGING && *u->result && !streq(u->result, "success"))
                return str_printf("its last run ended badly (%s); systemd starts it again", u->result);
        return NULL;
}

static unsigned follow_running(Watched *w) {
        const FleetUnit *u = w->unit;
        bool reloading = streq(u->active_state, "reloading");
        unsigned changes = w->reloading && !reloading ? WATCHED_RELOADED : 0;

        w->reloading = reloading;
        if (w->running && streq(w->run, u->invocation_id))
                return changes;
        w->running = true;
        (void) memcpy(w->run, u->invocation_id, sizeof(w->run));
        forget_run(w);
        if (w->self)
                return set_health(w, HEALTH_HEALTHY, NULL) | WATCHED_NEW_RUN | WATCHED_NEWS;
        return set_health(w, HEALTH_UNKNOWN, NULL) | WATCHED_NEW_RUN | WATCHED_NEWS;
}

unsigned watched_follow_unit(Watched *w) {
        /* It serves, whatever systemd has heard of that yet. */
        if (w->unit->condition == FLEET_RUNNING || w->self)
                return follow_running(w);
        if (w->running)
                forget_run(w);
        w->running = w->reloading = false;
        return set_health(w, HEALTH_OFFLINE, unit_problem(w->unit));
}

static char *probe_problem(const ProbeResult *result) {
        if (result->status == 0)
                return strdup(result->why);
        if (result->status != 200)
                return str_printf("answers %u%s%s", result->status, result->why ? ": " : "",
                                  result->why ? result->why : "");
        return str_printf("answers only after %.1f s", result->response_ms / 1000);
}

unsigned watched_take_probe(Watched *w, const ProbeResult *result) {
        unsigned changes = 0;

        w->checked_at = result->at;
        w->response_ms = result->response_ms;
        w->answered = result->status > 0;
        if (result->generation > 0 && result->generation != w->generation) {
                w->generation = result->generation;
                changes |= WATCHED_NEWS;
        }
        if (result->status == 200 && result->response_ms <= PROBE_SLOW_MS) {
                w->failures = 0;
                return changes | set_health(w, HEALTH_HEALTHY, NULL);
        }
        w->failures++;
        return changes | set_health(w, w->failures < PROBE_FAILURES ? w->health : HEALTH_DEGRADED,
                                    probe_problem(result));
}
