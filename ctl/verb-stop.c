/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "shared/log.h"

typedef enum Part { SOCKETS, SERVICES } Part;

/* Instances go with the socket, by systemd's hand; asked for by name, they are waited for. */
static int add_instances(const Ctl *ctl, UnitJobs *jobs) {
        _cleanup_(instance_states_done) InstanceStates instances = {};
        int r;

        r = instance_states_query(ctl->bus, &instances);
        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++) {
                r = ctl_add_instances(jobs, UNIT_STOP, &instances, ctl->selected[i], true);
                if (r >= 0)
                        r = ctl_add_instances(jobs, UNIT_STOP, &instances, ctl->selected[i], false);
        }
        return r;
}

static int add_stops(const Ctl *ctl, UnitJobs *jobs, Part part) {
        int r = part == SERVICES ? add_instances(ctl, jobs) : 0;

        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++) {
                const Service *s = ctl->selected[i];
                const char *unit = part == SOCKETS ? s->socket : s->unit;

                if (unit)
                        r = unit_jobs_add(jobs, UNIT_STOP, unit);
        }
        return r;
}

static int failed(int r) {
        (void) log_errno(r, "cannot ask systemd to stop");
        return CTL_FAILED;
}

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
                r = add_stops(ctl, jobs, SOCKETS);
        if (r >= 0)
                r = add_stops(ctl, jobs, SERVICES);
        return r < 0 ? failed(r) : ctl_finish_jobs(ctl, jobs);
}

static int stop_part(Ctl *ctl, Part part) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0)
                r = add_stops(ctl, jobs, part);
        return r < 0 ? failed(r) : ctl_finish_jobs(ctl, jobs);
}

int verb_stop(Ctl *ctl) {
        int status;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        if (!ctl->names)
                return stop_fleet(ctl);
        /* One after the other: a socket that still listens would start its service again. */
        status = stop_part(ctl, SOCKETS);
        return status != CTL_OK ? status : stop_part(ctl, SERVICES);
}
