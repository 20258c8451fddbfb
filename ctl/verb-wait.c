/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/time-util.h"
#include "command-line.h"
#include "live.h"
#include "output.h"
#include "progress.h"
#include "shared/log.h"
#include "wait-goal.h"

#define METRICSD_ID "metricsd"

/* So many are named when the time is over. */
#define NAMED_MAX 5

#define TIMEOUT_MAX_DAYS 365

typedef struct Target {
        char *id;
        char run[33];  /* the invocation that health is of */
        char *health;  /* metricsd's word; NULL while it is not known */
        char *problem;
} Target;

typedef struct Wait {
        const Ctl *ctl;
        Live *live;
        sd_event_source *timer, *progress;
        WaitGoal goal;
        uint64_t timeout; /* usec, UINT64_MAX for ever */
        Target *targets;
        size_t n;
        bool late; /* the time is over */
} Wait;

static void forget_health(Target *t) {
        free(TAKE_PTR(t->health));
        free(TAKE_PTR(t->problem));
}

static void wait_done(Wait *w) {
        progress_end();
        (void) sd_event_source_disable_unref(w->timer);
        (void) sd_event_source_disable_unref(w->progress);
        live_free(w->live);
        for (size_t i = 0; i < w->n; i++) {
                forget_health(w->targets + i);
                free(w->targets[i].id);
        }
        free(w->targets);
}

static Target *find_target(const Wait *w, const char *id) {
        for (size_t i = 0; i < w->n; i++)
                if (streq(w->targets[i].id, id))
                        return w->targets + i;
        return NULL;
}

/* --- Verdicts -------------------------------------------------------------------------------------------------- */

static WaitVerdict judge(const Wait *w, const Target *t) {
        const FleetUnit *unit = fleet_find(w->live->fleet, t->id);

        if (!unit) /* its unit file has gone */
                return w->goal == WAIT_STOPPED ? WAIT_REACHED : WAIT_NEVER;
        return wait_judge(w->goal, unit, t->health);
}

static char *describe(const Wait *w, const Target *t) {
        const FleetUnit *unit = fleet_find(w->live->fleet, t->id);

        return unit ? wait_describe(unit, t->health, t->problem) : strdup("its unit file has gone");
}

static void end_reached(const Wait *w) {
        const char *goal = wait_goal_to_string(w->goal);

        progress_end();
        if (w->n == 1)
                ctl_say(w->ctl, "%s is %s", w->targets[0].id, goal);
        else
                ctl_say(w->ctl, "%zu services are %s", w->n, goal);
        live_end(w->live, CTL_OK);
}

static void end_never(const Wait *w, const Target *t) {
        _cleanup_(freep) char *how = describe(w, t);

        progress_end();
        if (fleet_find(w->live->fleet, t->id))
                log_error("%s will not be %s: %s; 'toolooctl why %s' says more", t->id, wait_goal_to_string(w->goal),
                          strna(how), t->id);
        else
                log_error("%s will not be %s: %s", t->id, wait_goal_to_string(w->goal), strna(how));
        live_end(w->live, CTL_FAILED);
}

/* One line names them, with what they are in place of what they were to be. */
static void end_late(const Wait *w) {
        _cleanup_(freep) char *list = strdup(""), *more = NULL;
        char span[TIMESPAN_MAX];
        size_t left = 0;

        for (size_t i = 0; i < w->n && list; i++) {
                _cleanup_(freep) char *how = NULL;
                char *longer;

                if (judge(w, w->targets + i) == WAIT_REACHED || left++ >= NAMED_MAX)
                        continue;
                how = describe(w, w->targets + i);
                longer = str_printf("%s%s%s (%s)", list, *list ? ", " : "", w->targets[i].id, strna(how));
                free(list);
                list = longer;
        }
        progress_end();
        if (left > NAMED_MAX)
                more = str_printf(" and %zu more", left - NAMED_MAX);
        log_error("not %s within %s: %s%s", wait_goal_to_string(w->goal), format_timespan(span, w->timeout), strna(list),
                  strempty(more));
        live_end(w->live, CTL_FAILED);
}

/* True when it is of no use to wait for what only metricsd knows; a line has said so. */
static bool health_stays_unknown(const Wait *w) {
        const FleetUnit *unit = fleet_find(w->live->fleet, METRICSD_ID);

        if (w->goal != WAIT_HEALTHY || w->live->metrics == LIVE_METRICS_ASKED || w->live->metrics == LIVE_METRICS_THERE)
                return false;
        progress_clear();
        if (w->live->metrics == LIVE_METRICS_MUTE)
                log_error("%s; see 'toolooctl why metricsd'", strna(w->live->trouble));
        else if (unit && (unit->condition == FLEET_CHANGING || unit->condition == FLEET_RUNNING))
                return false; /* it will have its name */
        else
                log_error("what is healthy only metricsd knows, and it does not run%s%s%s; 'toolooctl start metricsd' starts it, "
                          "'toolooctl wait --for=running' does without", unit ? " (" : "", unit ? fleet_unit_word(unit) : "",
                          unit ? ")" : "");
        live_end(w->live, CTL_FAILED);
        return true;
}

static void look(Wait *w) {
        size_t n_reached = 0;

        if (w->live->ended || !fleet_is_loaded(w->live->fleet))
                return;
        for (size_t i = 0; i < w->n; i++)
                switch (judge(w, w->targets + i)) {
                case WAIT_REACHED:
                        n_reached++;
                        break;
                case WAIT_NEVER:
                        end_never(w, w->targets + i);
                        return;
                case WAIT_NOT_YET:
                default:
                        break;
                }
        if (n_reached == w->n)
                end_reached(w);
        else if (!health_stays_unknown(w) && w->late &&
                 (w->goal != WAIT_HEALTHY || w->live->metrics != LIVE_METRICS_ASKED))
                end_late(w);
}

/* --- What happens ---------------------------------------------------------------------------------------------- */

static void on_loaded(Live *live, void *userdata) {
        look(userdata);
}

/* What metricsd has said of another run does not hold for this one. */
static void on_changed(Live *live, FleetUnit *unit, FleetCondition was, void *userdata) {
        Wait *w = userdata;
        Target *t = find_target(w, unit->service->id);
        int r = 0;

        if (t && !streq(t->run, unit->invocation_id)) {
                (void) snprintf(t->run, sizeof(t->run), "%s", unit->invocation_id);
                forget_health(t);
                r = live_ask_health(live);
        }
        if (r < 0) {
                (void) log_errno(r, "cannot ask metricsd");
                live_end(live, CTL_FAILED);
                return;
        }
        look(w);
}

static void on_health(Live *live, const char *id, const char *health, const char *problem, void *userdata) {
        Wait *w = userdata;
        Target *t = find_target(w, id);

        if (!t)
                return;
        if (str_replace(&t->health, health) < 0 || str_replace(&t->problem, problem) < 0)
                forget_health(t);
        if (live->metrics == LIVE_METRICS_THERE)
                look(w);
}

static void on_metrics(Live *live, void *userdata) {
        Wait *w = userdata;

        for (size_t i = 0; live->metrics == LIVE_METRICS_ABSENT && i < w->n; i++)
                forget_health(w->targets + i);
        look(w);
}

static const LiveEvents events = {
        .loaded = on_loaded, .changed = on_changed, .health = on_health, .metrics = on_metrics,
};

/* A question that is under way is waited for: how it stands is known then. */
static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Wait *w = userdata;

        w->late = true;
        look(w);
        return 0;
}

/* For whoever watches: one of those that are not there yet, and how many more. */
static int on_progress(sd_event_source *source, uint64_t usec, void *userdata) {
        Wait *w = userdata;
        const Target *first = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; fleet_is_loaded(w->live->fleet) && i < w->n; i++)
                if (judge(w, w->targets + i) == WAIT_NOT_YET && n++ == 0)
                        first = w->targets + i;
        if (first) {
                _cleanup_(freep) char *how = describe(w, first);

                progress_show("Waiting for %s (%s)%s", first->id, strna(how), n > 1 ? " and others" : "");
        } else
                progress_show("Waiting for systemd");
        r = sd_event_source_set_time(source, progress_due());
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_timers(Wait *w) {
        int r = 0;

        progress_begin(w->ctl->quiet);
        if (progress_due() != UINT64_MAX)
                r = sd_event_add_time(w->live->event, &w->progress, CLOCK_MONOTONIC, progress_due(), 0, on_progress, w);
        if (r >= 0 && w->timeout != UINT64_MAX)
                r = sd_event_add_time_relative(w->live->event, &w->timer, CLOCK_MONOTONIC, w->timeout, 0, on_late, w);
        return r;
}

/* --- The verb -------------------------------------------------------------------------------------------------- */

/* Of the whole fleet, a masked one is no part: somebody has taken it out. */
static int take_targets(Ctl *ctl, Wait *w) {
        w->targets = calloc(ctl->n_selected + 1, sizeof(Target));
        if (!w->targets)
                return -ENOMEM;
        for (size_t i = 0; i < ctl->n_selected; i++) {
                if (!ctl->names && service_is_masked(ctl->selected[i]))
                        continue;
                w->targets[w->n].id = strdup(ctl->selected[i]->id);
                if (!w->targets[w->n++].id)
                        return -ENOMEM;
        }
        return 0;
}

static int parse(const Ctl *ctl, Wait *w) {
        const char *goal = ctl->given[OPTION_FOR], *timeout = ctl->given[OPTION_TIMEOUT];

        w->goal = goal ? wait_goal_from_string(goal) : WAIT_HEALTHY;
        if (w->goal < 0)
                return verb_usage(ctl, "--for takes 'healthy', 'running' or 'stopped', not '%s'", goal);
        w->timeout = UINT64_MAX;
        if (timeout && !streq(timeout, "infinity") &&
            (parse_timespan(timeout, &w->timeout) < 0 || w->timeout > TIMEOUT_MAX_DAYS * 24 * 3600 * USEC_PER_SEC))
                return verb_usage(ctl, "--timeout takes a time such as '30s' or '2min', of %u days at most, or 'infinity', not "
                                       "'%s'", TIMEOUT_MAX_DAYS, timeout);
        return CTL_OK;
}

int verb_wait(Ctl *ctl) {
        _cleanup_(wait_done) Wait w = { .ctl = ctl };
        int status, r;

        status = parse(ctl, &w);
        if (status == CTL_OK)
                status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        r = take_targets(ctl, &w);
        if (r >= 0)
                r = live_new(ctl->bus, &events, &w, &w.live);
        if (r >= 0)
                r = start_timers(&w);
        if (r < 0) {
                (void) log_errno(r, "cannot wait for the services");
                return CTL_FAILED;
        }
        return live_run(w.live);
}
