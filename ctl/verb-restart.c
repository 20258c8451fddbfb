/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ctl.h"
#include "shared/log.h"

/* For the whole fleet, what was stopped on purpose stays so, and masked services are not part of it. */
static void keep_running_ones(Ctl *ctl) {
        size_t n = 0;

        for (size_t i = 0; i < ctl->n_selected; i++)
                if (!service_is_masked(ctl->selected[i]) && !streq(strna(ctl->selected[i]->active_state), "inactive"))
                        ctl->selected[n++] = ctl->selected[i];
        ctl->n_selected = n;
}

int verb_restart(Ctl *ctl) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int status, r;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        if (!ctl->names)
                keep_running_ones(ctl);
        if (ctl->n_selected == 0) {
                log_error("nothing to restart: no service is running; 'toolooctl start' starts the fleet");
                return CTL_FAILED;
        }
        status = ctl_refuse_masked(ctl, "restart");
        if (status == CTL_OK)
                status = ctl_reset(ctl, true);
        if (status != CTL_OK)
                return status;
        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++) {
                const Service *s = ctl->selected[i];

                /* The socket itself is only started, never restarted: meanwhile connections wait in it. */
                if (s->socket)
                        r = unit_jobs_add(jobs, UNIT_START, s->socket);
                if (r >= 0)
                        r = unit_jobs_add(jobs, UNIT_RESTART, s->unit);
        }
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to restart");
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}
