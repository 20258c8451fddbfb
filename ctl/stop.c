/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ctl.h"
#include "shared/bus-util.h"
#include "shared/log.h"

#define STOP_ROUNDS 3

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

/* asked: negative errno when not all of the jobs could be asked for. */
static int finish(Ctl *ctl, UnitJobs *jobs, int asked) {
        if (asked >= 0)
                return ctl_finish_jobs(ctl, jobs);
        (void) log_errno(asked, "cannot ask systemd to stop");
        return CTL_FAILED;
}

/* The targets take everything that is PartOf= them along, path units and helpers too, in one transaction in which
 * systemd lets no socket start its service again. The targets' own jobs are over before those of their parts, so the
 * parts are asked for by name to be waited for; systemd merges the two. */
int ctl_stop_fleet(Ctl *ctl) {
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
        return finish(ctl, jobs, r);
}

/* By the start of a service that has crashed. Whether its socket is down for that is asked afterwards. */
static bool any_overtaken(const UnitJobs *jobs) {
        for (const UnitJob *job = jobs->first; job; job = job->next)
                if (streq(job->result, "canceled"))
                        return true;
        return false;
}

static int stop_part(Ctl *ctl, Part part) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0)
                r = add_stops(ctl, jobs, part);
        if (r >= 0 && part == SOCKETS) {
                r = ctl_wait_jobs(ctl, jobs);
                if (r >= 0 && any_overtaken(jobs))
                        return CTL_OK;
        }
        return finish(ctl, jobs, r);
}

/* What cannot be asked counts as one that does: to stop it once more harms nothing. */
static bool any_listens(const Ctl *ctl) {
        for (size_t i = 0; i < ctl->n_selected; i++) {
                const char *socket = ctl->selected[i]->socket;
                _cleanup_(freep) char *path = socket ? bus_unit_path(socket) : NULL, *state = NULL;

                if (socket && (!path || sd_bus_get_property_string(ctl->bus, SYSTEMD_NAME, path, SYSTEMD_UNIT,
                                                                   "ActiveState", NULL, &state) < 0 ||
                               (!streq(state, "inactive") && !streq(state, "failed"))))
                        return true;
        }
        return false;
}

int ctl_stop_selected(Ctl *ctl) {
        /* The sockets first, for one that still listens would start its service again. But a service that has crashed, and is
         * started again by systemd before it is told to stop, opens its socket again (Sockets=); then both go once more. */
        for (unsigned i = 0; i < STOP_ROUNDS; i++) {
                int status = stop_part(ctl, SOCKETS);

                if (status == CTL_OK)
                        status = stop_part(ctl, SERVICES);
                if (status != CTL_OK || !any_listens(ctl))
                        return status;
        }
        log_error("what was stopped listens again each time: something starts it; 'toolooctl events' says what");
        return CTL_FAILED;
}
