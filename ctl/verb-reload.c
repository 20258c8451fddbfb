/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "command-line.h"
#include "output.h"
#include "reload-changed.h"
#include "shared/host-status.h"
#include "shared/log.h"

static bool can_reload(const Service *s) {
        return !service_is_masked(s) && s->on_change == ON_CHANGE_RELOAD && streq(strna(s->active_state), "active");
}

/* For the whole fleet, those that cannot reload are not part of it; asked for by name, they are an error. */
static int check_selected(Ctl *ctl) {
        int status = CTL_OK;
        size_t n = 0;

        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];

                if (can_reload(s)) {
                        ctl->selected[n++] = s;
                        continue;
                }
                if (!ctl->names)
                        continue;
                status = CTL_FAILED;
                if (s->on_change != ON_CHANGE_RELOAD)
                        log_error("%s cannot reload (OnChange=%s); use 'toolooctl restart %s'", s->id,
                                  on_change_to_string(s->on_change), s->id);
                else
                        log_error("%s is not active (%s), so it cannot reload; use 'toolooctl start %s'", s->id,
                                  strna(s->active_state), s->id);
        }
        ctl->n_selected = n;
        if (n == 0 && status == CTL_OK) {
                log_error("nothing to reload: no service is running; 'toolooctl start' starts the fleet");
                return CTL_FAILED;
        }
        return status;
}

static void say_outcome(const Ctl *ctl, const Service *s, const UnitJob *job, const HostStatus *h) {
        _cleanup_(freep) char *text = NULL;

        if (unit_job_done(job)) {
                if (h->known)
                        ctl_say(ctl, "%s: generation %" PRIu64, s->id, h->generation);
                return;
        }
        if (streq(job->result, "failed") && h->known && h->last_problem && *h->last_problem) {
                log_error("%s keeps its old code: %s", s->id, h->last_problem);
                return;
        }
        text = unit_job_describe(job);
        log_error("%s %s; see 'journalctl --user-unit=%s -n 20'", s->unit, strna(text), s->unit);
}

/* Jobs stand in the order of the selected services. */
static int say_outcomes(Ctl *ctl, const UnitJobs *jobs) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(ctl->bus);
        _cleanup_(freep) HostStatus *hosts = calloc(MAX(ctl->n_selected, 1u), sizeof(HostStatus));
        const UnitJob *job = jobs->first;
        int r = hosts ? 0 : -ENOMEM, status = CTL_OK;

        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++)
                r = host_status_ask(&batch, ctl->selected[i]->id, hosts + i);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r < 0)
                (void) log_errno(r, "cannot ask the services how it went");
        for (size_t i = 0; i < ctl->n_selected && hosts; i++, job = job->next) {
                say_outcome(ctl, ctl->selected[i], job, hosts + i);
                if (!unit_job_done(job))
                        status = CTL_FAILED;
                host_status_done(hosts + i);
        }
        return r < 0 ? CTL_FAILED : status;
}

int verb_reload(Ctl *ctl) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int status, r;

        if (ctl->given[OPTION_CHANGED])
                return ctl->names ? verb_usage(ctl, "reload --changed takes no names") : reload_changed(ctl);
        if (ctl->given[OPTION_MODULES])
                return verb_usage(ctl, "--modules goes with reload --changed only");
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status == CTL_OK)
                status = ctl_refuse_masked(ctl->names ? ctl : &(Ctl) {}, "reload");
        if (status == CTL_OK)
                status = check_selected(ctl);
        if (status != CTL_OK)
                return status;
        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++)
                r = unit_jobs_add(jobs, UNIT_RELOAD, ctl->selected[i]->unit);
        if (r >= 0)
                r = ctl_wait_jobs(ctl, jobs);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to reload");
                return CTL_FAILED;
        }
        return say_outcomes(ctl, jobs);
}
