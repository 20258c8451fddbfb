/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl.h"
#include "progress.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/port-owner.h"
#include "shared/strv.h"

int ctl_refuse_masked(const Ctl *ctl, const char *verb) {
        int status = CTL_OK;

        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];

                if (!service_is_masked(s))
                        continue;
                log_error("%s is masked, so it cannot %s; take the mask off with 'systemctl --user unmask %s%s%s'",
                          s->unit, verb, s->unit, s->socket ? " " : "", s->socket ? s->socket : "");
                status = CTL_FAILED;
        }
        return status;
}

int ctl_reset(Ctl *ctl, bool running) {
        _cleanup_(strv_freep) char **units = NULL;
        int r = 0;

        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++) {
                const Service *s = ctl->selected[i];

                if (service_is_masked(s))
                        continue;
                if (running || !streq(strna(s->active_state), "active"))
                        r = strv_extend(&units, s->unit);
                if (r >= 0 && s->socket_state && streq(s->socket_state, "failed"))
                        r = strv_extend(&units, s->socket);
        }
        if (r >= 0)
                r = unit_reset_failed(ctl->bus, units);
        if (r < 0) {
                (void) log_errno(r, "cannot reset failed units");
                return CTL_FAILED;
        }
        return CTL_OK;
}

int ctl_add_instances(UnitJobs *jobs, UnitVerb verb, const InstanceStates *instances, const Service *s, bool replicas) {
        int r = 0;

        for (size_t i = 0; i < instances->n && r >= 0; i++) {
                const InstanceState *it = instances->items + i;

                if (streq(it->id, s->id) && instance_runs(it) && (instance_number(it) > 0) == replicas)
                        r = unit_jobs_add(jobs, verb, it->unit);
        }
        return r;
}

static const Service *service_of_unit(const Ctl *ctl, const char *unit) {
        return startswith(unit, "tooloo-") ? registry_find(ctl->registry, unit) : NULL;
}

/* The one reason for a socket's failure that a person can do something about. */
static bool say_port_taken(const Service *s) {
        _cleanup_(freep) char *taken = s ? port_owner_describe(s->port) : NULL;

        if (taken)
                log_error("%s did not start: %s; end that, then run 'toolooctl start %s'", s->socket, taken, s->id);
        return taken != NULL;
}

static void say_reason(const char *unit, const char *what, const char *reason) {
        log_error("%s %s%s%s; see 'journalctl --user-unit=%s -n 20'", unit, what, reason ? ": " : "",
                  reason ? reason : "", unit);
}

static void say_failed(Ctl *ctl, const char *unit, const char *what) {
        _cleanup_(freep) char *reason = NULL, *result = NULL;
        bool is_socket = endswith(unit, ".socket");

        if (!endswith(unit, ".service") && !is_socket) {
                log_error("%s %s", unit, what);
                return;
        }
        if (unit_failure_reason(ctl->bus, unit, &reason, &result) < 0) {
                say_reason(unit, what, NULL);
                return;
        }
        if (is_socket && streq(result, "resources") && say_port_taken(service_of_unit(ctl, unit)))
                return;
        if (is_socket && streq(result, "service-start-limit-hit") && service_of_unit(ctl, unit)) {
                say_failed(ctl, service_of_unit(ctl, unit)->unit, what); /* the reason is there */
                return;
        }
        say_reason(unit, what, reason);
}

/* What is not there need not be stopped: a target that is not installed, say. */
static bool job_went_well(const UnitJob *job) {
        return unit_job_done(job) || (job->verb == UNIT_STOP && job->error_name &&
                                      streq(job->error_name, SYSTEMD_ERROR_NO_SUCH_UNIT));
}

static bool socket_failed(const UnitJobs *jobs, const Service *s) {
        for (const UnitJob *job = jobs->first; job; job = job->next)
                if (s && s->socket && streq(job->unit, s->socket) && !job_went_well(job))
                        return true;
        return false;
}

static void say_job(Ctl *ctl, const UnitJob *job) {
        _cleanup_(freep) char *text = NULL;
        char *colon;

        text = unit_job_describe(job);
        if (!text) {
                log_error("%s: out of memory", job->unit);
                return;
        }
        if (!streq(job->result, "failed") && !streq(job->result, "timeout")) {
                log_error("%s %s", job->unit, text);
                return;
        }
        colon = strchr(text, ':'); /* the unit itself knows the reason better than the job */
        if (colon)
                *colon = '\0';
        if (job->reason)
                say_reason(job->unit, text, job->reason);
        else
                say_failed(ctl, job->unit, text);
}

static void show_wait(const UnitJobs *jobs) {
        _cleanup_(freep) char *what = NULL;
        unsigned n;

        what = unit_jobs_describe_wait(jobs, &n);
        if (what && n > 1)
                progress_show("Waiting for %s, and for %u more", what, n - 1);
        else if (what)
                progress_show("Waiting for %s", what);
}

int ctl_wait_jobs(const Ctl *ctl, UnitJobs *jobs) {
        uint64_t end = now_usec() + CTL_JOBS_TIMEOUT_USEC;
        int r;

        progress_begin(ctl->quiet);
        while ((r = unit_jobs_wait_until(jobs, MIN(end, progress_due()))) == -ETIMEDOUT && now_usec() < end)
                show_wait(jobs);
        progress_end();
        return r == -ETIMEDOUT ? unit_jobs_wait(jobs, 0) : r;
}

int ctl_finish_jobs(Ctl *ctl, UnitJobs *jobs) {
        int status = CTL_OK, r;

        r = ctl_wait_jobs(ctl, jobs);
        if (r < 0) {
                (void) log_errno(r, "lost the systemd user manager while waiting for it");
                return CTL_FAILED;
        }
        for (const UnitJob *job = jobs->first; job; job = job->next) {
                const Service *s = service_of_unit(ctl, job->unit);

                if (job_went_well(job))
                        continue;
                status = CTL_FAILED;
                if (!s || streq(job->unit, strna(s->socket)) || !socket_failed(jobs, s))
                        say_job(ctl, job);
        }
        return status;
}

/* The target's job is "done" whether or not what it wants came up. */
static int check_fleet(Ctl *ctl) {
        size_t n_active = 0, n = 0;
        int status;

        status = ctl_refresh(ctl);
        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];
                const char *state = strna(s->active_state), *sub = strna(s->sub_state);

                if (service_counts(s)) {
                        n++;
                        n_active += streq(state, "active") || streq(state, "reloading");
                }
                if (s->socket_state && streq(s->socket_state, "failed")) {
                        say_failed(ctl, s->socket, "did not start");
                        status = CTL_FAILED;
                } else if (streq(state, "failed") || (streq(state, "activating") && streq(sub, "auto-restart"))) {
                        say_failed(ctl, s->unit, "did not start");
                        status = CTL_FAILED;
                }
        }
        ctl_say(ctl, "%zu of %zu services are active.", n_active, n);
        return status;
}

/* Each by its name: a target that runs already does not start again what it wants. */
static int add_fleet(UnitJobs *jobs, bool dev) {
        int r;

        r = unit_jobs_add(jobs, UNIT_START, FLEET_TARGET);
        if (r >= 0 && dev)
                r = unit_jobs_add(jobs, UNIT_START, DEV_TARGET);
        if (r >= 0 && dev)
                r = unit_jobs_add(jobs, UNIT_START, WATCHD_UNIT);
        return r;
}

int ctl_start_fleet(Ctl *ctl, bool dev) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int status, r;

        status = ctl_reset(ctl, false);
        if (status != CTL_OK)
                return status;
        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0)
                r = add_fleet(jobs, dev);
        if (r < 0) {
                (void) log_errno(r, "cannot start %s", FLEET_TARGET);
                return CTL_FAILED;
        }
        status = ctl_finish_jobs(ctl, jobs);
        if (jobs->first->error_name && streq(jobs->first->error_name, SYSTEMD_ERROR_NO_SUCH_UNIT))
                return CTL_UNKNOWN;
        return status != CTL_OK ? status : check_fleet(ctl);
}

int ctl_start_selected(Ctl *ctl, const char *first) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int status, r;

        status = ctl_reset(ctl, false);
        if (status != CTL_OK)
                return status;
        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0 && first)
                r = unit_jobs_add(jobs, UNIT_START, first);
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
