/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "command-line.h"
#include "ctl.h"
#include "output.h"
#include "restart-changed.h"
#include "shared/log.h"

/* For the whole fleet, what was stopped on purpose stays so, and masked services are not part of it. */
static void keep_running_ones(Ctl *ctl) {
        size_t n = 0;

        for (size_t i = 0; i < ctl->n_selected; i++)
                if (!service_is_masked(ctl->selected[i]) && !streq(strna(ctl->selected[i]->active_state), "inactive"))
                        ctl->selected[n++] = ctl->selected[i];
        ctl->n_selected = n;
}

/* What an unfinished swap has left holds the socket, too, so that a failed one could not be opened again. */
static int stop_leftovers(Ctl *ctl, const InstanceStates *instances, const Service *const *services, size_t n) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = ctl_add_instances(jobs, UNIT_STOP, instances, services[i], false);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to stop what a swap has left");
                return CTL_FAILED;
        }
        return jobs->first ? ctl_finish_jobs(ctl, jobs) : CTL_OK;
}

static int restart(Ctl *ctl, const InstanceStates *instances, const Service *const *services, size_t n) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < n && r >= 0; i++) {
                const Service *s = services[i];

                /* The socket itself is only started, never restarted: meanwhile connections wait in it. */
                if (s->socket)
                        r = unit_jobs_add(jobs, UNIT_START, s->socket);
                if (r >= 0)
                        r = unit_jobs_add(jobs, UNIT_RESTART, s->unit);
                if (r >= 0)
                        r = ctl_add_instances(jobs, UNIT_TRY_RESTART, instances, s, true);
        }
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to restart");
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}

int ctl_restart(Ctl *ctl, const Service *const *services, size_t n) {
        _cleanup_(instance_states_done) InstanceStates instances = {};
        int status, r;

        status = ctl_reset(ctl, true);
        if (status != CTL_OK)
                return status;
        r = instance_states_query(ctl->bus, &instances);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd what runs");
                return CTL_FAILED;
        }
        status = stop_leftovers(ctl, &instances, services, n);
        return status != CTL_OK ? status : restart(ctl, &instances, services, n);
}

int verb_restart(Ctl *ctl) {
        int status;

        if (ctl->given[OPTION_CHANGED])
                return ctl->names ? verb_usage(ctl, "restart --changed takes no names") : restart_changed(ctl);
        if (ctl->given[OPTION_TIMEOUT])
                return verb_usage(ctl, "--timeout goes with restart --changed only");
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
        return status != CTL_OK ? status : ctl_restart(ctl, ctl->selected, ctl->n_selected);
}
