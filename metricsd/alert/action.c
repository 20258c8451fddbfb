/* SPDX-License-Identifier: MIT */
#include "action.h"

#include <string.h>

#include "action-kinds.h"
#include "basic/string-util.h"
#include "shared/unit-jobs.h"

/* --- Jobs of systemd --- */

static void stop_jobs(void *state) {
        unit_jobs_free(state);
}

static void on_job_over(UnitJobs *jobs, int error, void *userdata) {
        _cleanup_(freep) char *problem = NULL;

        if (error >= 0 && unit_job_done(jobs->first)) {
                alert_action_over(userdata, NULL);
                return;
        }
        problem = error < 0 ? str_printf("systemd could not be followed: %s", strerror(-error))
                            : unit_job_describe(jobs->first);
        alert_action_over(userdata, problem ? problem : "systemd's job failed");
}

/* A unit that does not run stays as it is. */
static int begin_job(AlertAction *a, const AlertActionRequest *request) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        /* Between the decision and this a person may have stopped it: a plain restart would start it again. */
        UnitVerb verb = request->type == ACTION_RELOAD_SERVICE ? UNIT_RELOAD : UNIT_TRY_RESTART;
        int r;

        r = unit_jobs_new(a->shared->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, verb, request->unit);
        if (r >= 0)
                r = unit_jobs_watch(jobs, request->timeout, on_job_over, a);
        if (r < 0)
                return r;
        a->state = TAKE_PTR(jobs);
        a->stop = stop_jobs;
        return 0;
}

/* --- All kinds --- */

static const alert_action_begin_t kinds[_ACTION_MAX] = {
        [ACTION_RESTART_SERVICE] = begin_job,
        [ACTION_RELOAD_SERVICE] = begin_job,
        [ACTION_SWITCH_PROVIDER] = action_switch_provider_begin,
        [ACTION_SCALE_UP] = action_scale_up_begin,
        [ACTION_NOTIFY] = action_notify_begin,
};

int alert_action_begin(AlertAction *a, const AlertActionRequest *request) {
        if (a->stop)
                return -EBUSY;
        if (!kinds[request->type])
                return -EOPNOTSUPP;
        return kinds[request->type](a, request);
}

static void stop(void (*stop_it)(void *state), void *state) {
        if (stop_it)
                stop_it(state);
}

void alert_action_over(AlertAction *a, const char *problem) {
        void (*stop_it)(void *state) = TAKE_PTR(a->stop);
        void *state = TAKE_PTR(a->state);

        a->over(problem, a->userdata);
        stop(stop_it, state);
}

void alert_action_give_up(AlertAction *a) {
        void (*stop_it)(void *state) = TAKE_PTR(a->stop);

        stop(stop_it, TAKE_PTR(a->state));
}
