/* SPDX-License-Identifier: MIT */
#include "watched.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

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
                .cpu_time = CPU_TIME_UNKNOWN,
                .reload_failed = -1,
                .error_rate = -1,
                .requests = UINT64_MAX,
                .errors = UINT64_MAX,
        };
        *ret = w;
        return 0;
}

Watched *watched_free(Watched *w) {
        if (!w)
                return NULL;
        free(w->problem);
        free(w->explanation);
        free(w->port_taken);
        free(w->logged_cursor);
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
        w->memory_source = MEMORY_NONE;
        w->cpu = -1;
        w->cpu_time = CPU_TIME_UNKNOWN;
        w->reload_failed = -1;
        w->error_rate = -1;
        w->requests = w->errors = UINT64_MAX;
}

/* Without memory a problem goes without words, here and below. */
static char *unit_problem(const FleetUnit *u) {
        if (u->condition == FLEET_FAILED)
                return *u->failure ? strdup(u->failure) : str_printf("failed (%s)", u->result);
        if (u->condition == FLEET_CHANGING && *u->result && !streq(u->result, "success"))
                return str_printf("its last run ended badly (%s); systemd starts it again", u->result);
        return NULL;
}

/* What of the unit itself stands on the dashboard. */
static unsigned follow_state(Watched *w) {
        const FleetUnit *u = w->unit;
        bool was_reloading = streq(w->active_state, "reloading");

        if (strncmp(w->active_state, u->active_state, sizeof(w->active_state) - 1) == 0 &&
            strncmp(w->sub_state, u->sub_state, sizeof(w->sub_state) - 1) == 0 && w->restarts == u->restarts)
                return 0;
        w->starting_since = streq(u->active_state, "activating") && streq(u->sub_state, "start") ? now_usec() : 0;
        if (w->starting_since == 0)
                w->early_answer = false;
        (void) snprintf(w->active_state, sizeof(w->active_state), "%s", u->active_state);
        (void) snprintf(w->sub_state, sizeof(w->sub_state), "%s", u->sub_state);
        w->restarts = u->restarts;
        return WATCHED_NEWS | (was_reloading && streq(u->active_state, "active") ? WATCHED_RELOADED : 0);
}

static unsigned begin_run(Watched *w) {
        w->running = true;
        (void) memcpy(w->run, w->unit->invocation_id, sizeof(w->run));
        forget_run(w);
        if (w->self)
                w->generation = 1; /* as /health says it */
        /* Of one that listens nowhere there is nobody to ask, and all that can be known is that it runs. */
        return set_health(w, w->self || w->unit->service->port == 0 ? HEALTH_HEALTHY : HEALTH_UNKNOWN, NULL) |
               WATCHED_NEW_RUN | WATCHED_NEWS;
}

unsigned watched_follow_unit(Watched *w) {
        unsigned changes = follow_state(w);

        /* It serves, whatever systemd has heard of that yet. */
        if (w->unit->condition == FLEET_RUNNING || w->self) {
                if (!w->running || !streq(w->run, w->unit->invocation_id))
                        changes |= begin_run(w);
                return changes;
        }
        if (w->running)
                forget_run(w);
        w->running = false;
        return changes | set_health(w, HEALTH_OFFLINE, unit_problem(w->unit));
}

unsigned watched_take_early_answer(Watched *w, bool answered) {
        if (w->running || w->early_answer == answered)
                return 0;
        w->early_answer = answered;
        return WATCHED_NEWS;
}

static char *probe_problem(const ProbeResult *result) {
        if (result->status == 0)
                return strdup(result->why);
        if (!health_status_good(result->status))
                return str_printf("answers %u%s%s", result->status, result->why ? ": " : "",
                                  result->why ? result->why : "");
        return str_printf("answers only after %.1f s", result->response_ms / 1000);
}

/* A count that went down is another process's. */
static void count_errors(Watched *w, uint64_t requests, uint64_t errors) {
        bool known = requests != UINT64_MAX && errors != UINT64_MAX;

        w->error_rate = -1;
        if (known && w->requests != UINT64_MAX && requests > w->requests && errors >= w->errors &&
            errors - w->errors <= requests - w->requests)
                w->error_rate = (double) (errors - w->errors) / (double) (requests - w->requests);
        w->requests = known ? requests : UINT64_MAX;
        w->errors = known ? errors : UINT64_MAX;
}

unsigned watched_take_probe(Watched *w, const ProbeResult *result) {
        unsigned changes = 0;

        w->checked_at = result->at;
        w->response_ms = result->response_ms;
        w->answered = result->status > 0;
        if (w->answered)
                count_errors(w, result->requests, result->errors);
        if (result->generation > 0 && result->generation != w->generation) {
                w->generation = result->generation;
                changes |= WATCHED_NEWS;
        }
        if (result->response_ms >= 0)
                probe_times_add(&w->probe_times, result->response_ms / 1000);
        if (health_status_good(result->status) && result->response_ms <= PROBE_SLOW_MS) {
                w->failures = 0;
                return changes | set_health(w, HEALTH_HEALTHY, NULL);
        }
        w->failures++;
        w->probe_failures++;
        return changes | set_health(w, w->failures < PROBE_FAILURES ? w->health : HEALTH_DEGRADED,
                                    probe_problem(result));
}
