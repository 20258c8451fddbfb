/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "shared/log.h"

int verb_start(Ctl *ctl) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int status, r;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        if (!ctl->names)
                return ctl_start_fleet(ctl, false);
        status = ctl_refuse_masked(ctl, "start");
        if (status == CTL_OK)
                status = ctl_reset(ctl, false);
        if (status != CTL_OK)
                return status;
        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++) {
                if (ctl->selected[i]->socket)
                        r = unit_jobs_add(jobs, UNIT_START, ctl->selected[i]->socket);
                if (r >= 0)
                        r = unit_jobs_add(jobs, UNIT_START, ctl->selected[i]->unit);
        }
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to start");
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}
