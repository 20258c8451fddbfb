/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/progress.h"
#include "probe.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/unit-failure.h"

typedef struct State {
        char *active, *sub, *type;
        uint32_t restarts;
} State;

typedef struct Wait {
        Turn *turn;
        const Serve *what;
        UnitJobs *jobs;
        sd_bus_slot *match;
        State state;
        bool changed;   /* since it was asked for */
        bool known;     /* restarts is from after the start */
        uint32_t restarts;
        char *reason; /* of its first end, as systemd told it: with the next start it is gone */
        Probe *probe;
} Wait;

static void wait_done(Wait *w) {
        probe_free(w->probe);
        free(w->reason);
        (void) sd_bus_slot_unref(w->match);
        unit_jobs_free(w->jobs);
        free(w->state.active);
        free(w->state.sub);
        free(w->state.type);
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Wait *w = userdata;

        w->changed = true;
        if (!w->reason) /* without memory the reason is not known, which is no failure */
                (void) unit_failure_of_change(m, &w->reason, NULL);
        return 0;
}

static int begin(Wait *w) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(w->turn->bus);
        _cleanup_(freep) char *path = bus_unit_path(w->what->unit);
        int r;

        if (!path)
                return -ENOMEM;
        /* It stays loaded, so that the reason of its end can be asked for. */
        r = bus_batch_hold_unit(&batch, w->what->unit);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r >= 0)
                r = sd_bus_match_signal_async(w->turn->bus, &w->match, SYSTEMD_NAME, path,
                                              "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, NULL, w);
        if (r >= 0)
                r = unit_jobs_new(w->turn->bus, &w->jobs);
        return r < 0 ? r : unit_jobs_add(w->jobs, w->what->verb, w->what->unit);
}

static int ask_state(Wait *w) {
        static const BusProperty properties[] = {
                { SYSTEMD_UNIT, "ActiveState", "s", offsetof(State, active) },
                { SYSTEMD_UNIT, "SubState", "s", offsetof(State, sub) },
                { SYSTEMD_SERVICE, "Type", "s", offsetof(State, type) },
                { SYSTEMD_SERVICE, "NRestarts", "u", offsetof(State, restarts) },
        };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(w->turn->bus);
        _cleanup_(freep) char *path = bus_unit_path(w->what->unit);
        int r;

        w->changed = false;
        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, path, properties, ELEMENTSOF(properties), &w->state);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r >= 0 && !w->known) {
                w->known = true;
                w->restarts = w->state.restarts;
        }
        return r;
}

static bool has_ended(const Wait *w) {
        const char *active = strna(w->state.active);

        /* Not only when it has failed for good: the first end is the one that tells. */
        return streq(active, "failed") || streq(active, "inactive") || streq(active, "deactivating") ||
               streq(strna(w->state.sub), "auto-restart") || w->state.restarts != w->restarts;
}

static int set_end(ServeResult *result, ServeResult value) {
        *result = value;
        return 1;
}

/* The job that was asked for is over. */
static int judge_job(Wait *w, const UnitJob *job, ServeResult *ret, char **ret_problem) {
        char *colon;

        if (streq(job->result, "canceled"))
                return set_end(ret, SERVE_STOPPED);
        *ret_problem = job->reason ? strdup(job->reason) : unit_job_describe(job);
        if (!*ret_problem)
                return -ENOMEM;
        colon = job->reason ? NULL : strstr(*ret_problem, ": ");
        if (colon)
                memmove(*ret_problem, colon + 2, strlen(colon + 2) + 1);
        return set_end(ret, SERVE_ENDED);
}

static int explain_end(Wait *w, ServeResult *ret, char **ret_problem) {
        _cleanup_(freep) char *reason = NULL, *result = NULL;
        int r;

        if (!w->reason) {
                r = unit_failure_reason(w->turn->bus, w->what->unit, &reason, &result);
                if (r < 0)
                        return r;
        }
        if (w->reason || !streq(result, "success"))
                *ret_problem = TAKE_PTR(*(w->reason ? &w->reason : &reason));
        else
                *ret_problem = strdup("its program ended by itself");
        return *ret_problem ? set_end(ret, SERVE_ENDED) : -ENOMEM;
}

static int judge_probe(Wait *w, ServeResult *ret) {
        int r = probe_step(w->probe);

        return r <= 0 ? r : set_end(ret, SERVE_OK);
}

/* 1 when the wait is over. */
static int look(Wait *w, ServeResult *ret, char **ret_problem) {
        const UnitJob *job = w->jobs->first;
        int r = 0;

        if (w->what->interruptible && w->turn->interrupted)
                return set_end(ret, SERVE_INTERRUPTED);
        if (w->turn->interrupted && !w->turn->told) {
                progress_clear();
                log_notice("the hand-over goes on to its end; a second interruption leaves it half done");
                w->turn->told = true;
        }
        if (!job->result || w->jobs->waiting > 0)
                return 0;
        if (!unit_job_done(job))
                return judge_job(w, job, ret, ret_problem);
        if (w->changed || !w->known)
                r = ask_state(w);
        if (r < 0)
                return r;
        if (has_ended(w))
                return explain_end(w, ret, ret_problem);
        if (w->what->shared && streq(strna(w->state.type), "notify"))
                return set_end(ret, SERVE_OK);
        if (!w->probe)
                r = probe_new(w->turn, w->what->shared ? w->what->unit : NULL, w->what->port, w->what->health, &w->probe);
        return r < 0 ? r : judge_probe(w, ret);
}

int serve_run(Turn *turn, const Serve *what, ServeResult *ret, char **ret_problem) {
        _cleanup_(wait_done) Wait w = { .turn = turn, .what = what };
        _cleanup_(freep) char *problem = NULL;
        int r;

        progress_begin(what->quiet);
        r = begin(&w);
        while (r >= 0 && (r = look(&w, ret, &problem)) == 0) {
                if (now_usec() >= what->end) {
                        problem = w.probe ? probe_problem(w.probe) : strdup("it has not become ready");
                        r = problem ? set_end(ret, SERVE_LATE) : -ENOMEM;
                        break;
                }
                progress_show("Waiting for %s", what->waiting);
                r = turn_run(turn, MIN(MIN(what->end, progress_due()), w.probe ? probe_next(w.probe) : UINT64_MAX));
        }
        progress_end();
        if (r < 0)
                return r;
        *ret_problem = TAKE_PTR(problem);
        return 0;
}
