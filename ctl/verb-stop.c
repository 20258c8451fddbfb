/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "shared/log.h"

/* The targets take everything that is PartOf= them along, path units and helpers too, in one transaction in which
 * systemd lets no socket start its service again. The targets' own jobs are over before those of their parts, so the
 * parts are asked for by name to be waited for; systemd merges the two. */
static int stop_fleet(Ctl *ctl) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_STOP, DEV_TARGET);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_STOP, FLEET_TARGET);
        if (r >= 0)
                r = ctl_add_stops(ctl, jobs, CTL_SOCKETS);
        if (r >= 0)
                r = ctl_add_stops(ctl, jobs, CTL_SERVICES);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to stop");
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}

int verb_stop(Ctl *ctl) {
        int status;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        return ctl->names ? ctl_stop_selected(ctl) : stop_fleet(ctl);
}
