/* SPDX-License-Identifier: MIT */
#include "action.h"

#include <string.h>

#include "basic/string-util.h"

static void on_over(UnitJobs *done, int error, void *userdata) {
        AlertAction *a = userdata;
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = TAKE_PTR(a->jobs);
        _cleanup_(freep) char *problem = NULL;

        if (error >= 0 && unit_job_done(jobs->first)) {
                a->over(NULL, a->userdata);
                return;
        }
        problem = error < 0 ? str_printf("systemd could not be followed: %s", strerror(-error))
                            : unit_job_describe(jobs->first);
        a->over(problem ? problem : "systemd's job failed", a->userdata);
}

int alert_action_begin(AlertAction *a, AlertActionType type, const char *unit, uint64_t timeout) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        /* Between the decision and this a person may have stopped it: a plain restart would start it again. */
        UnitVerb verb = type == ACTION_RELOAD_SERVICE ? UNIT_RELOAD : UNIT_TRY_RESTART;
        int r;

        if (a->jobs)
                return -EBUSY;
        r = unit_jobs_new(a->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, verb, unit);
        if (r >= 0)
                r = unit_jobs_watch(jobs, timeout, on_over, a);
        if (r < 0)
                return r;
        a->jobs = TAKE_PTR(jobs);
        return 0;
}

void alert_action_give_up(AlertAction *a) {
        a->jobs = unit_jobs_free(a->jobs);
}
