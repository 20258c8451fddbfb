/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "command-line.h"
#include "output.h"
#include "reload-changed.h"
#include "shared/host-status.h"
#include "shared/log.h"
#include "swap-program.h"

/* What is to be done to a service; it follows from its OnChange= and from how it is. */
typedef enum Way { WAY_NONE, WAY_RELOAD, WAY_SWAP, WAY_RESTART } Way;

static bool is_failed(const Service *s) {
        return streq(strna(s->active_state), "failed") || streq(strna(s->sub_state), "auto-restart");
}

static Way way_of(const Service *s) {
        if (service_is_masked(s))
                return WAY_NONE;
        switch (s->on_change) {
        case ON_CHANGE_RELOAD:
                return streq(strna(s->active_state), "active") ? WAY_RELOAD : WAY_NONE;
        case ON_CHANGE_RESTART:
                return streq(strna(s->active_state), "inactive") ? WAY_NONE : WAY_RESTART;
        case ON_CHANGE_SWAP: /* one whose code has failed has nothing to keep */
                return is_failed(s) ? WAY_RESTART : WAY_SWAP;
        default:
                return WAY_NONE;
        }
}

static void say_no_way(const Service *s) {
        if (s->on_change == ON_CHANGE_NONE)
                log_error("%s is not to be reloaded (OnChange=none in its unit file); use 'toolooctl restart %s'", s->id, s->id);
        else
                log_error("%s is not active (%s), so it cannot reload; use 'toolooctl start %s'", s->id, strna(s->active_state),
                          s->id);
}

/* For the whole fleet, those that would have to restart or do not run are not part of it; asked for by name, what cannot be
 * done is an error. */
static int check_selected(Ctl *ctl) {
        int status = CTL_OK;
        size_t n = 0;

        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];
                Way way = way_of(s);

                if (ctl->names ? way != WAY_NONE
                               : way == WAY_RELOAD || (way == WAY_SWAP && streq(strna(s->active_state), "active"))) {
                        ctl->selected[n++] = s;
                        continue;
                }
                if (!ctl->names)
                        continue;
                status = CTL_FAILED;
                say_no_way(s);
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

/* Jobs stand in the order of the services. */
static int say_outcomes(Ctl *ctl, const Service *const *services, size_t n, const UnitJobs *jobs) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(ctl->bus);
        _cleanup_(freep) HostStatus *hosts = calloc(MAX(n, 1u), sizeof(HostStatus));
        const UnitJob *job = jobs->first;
        int r = hosts ? 0 : -ENOMEM, status = CTL_OK;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = host_status_ask(&batch, services[i]->id, hosts + i);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r < 0)
                (void) log_errno(r, "cannot ask the services how it went");
        for (size_t i = 0; i < n && hosts; i++, job = job->next) {
                say_outcome(ctl, services[i], job, hosts + i);
                if (!unit_job_done(job))
                        status = CTL_FAILED;
                host_status_done(hosts + i);
        }
        return r < 0 ? CTL_FAILED : status;
}

static int reload(Ctl *ctl, const Service *const *services, size_t n) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = unit_jobs_add(jobs, UNIT_RELOAD, services[i]->unit);
        if (r >= 0)
                r = ctl_wait_jobs(ctl, jobs);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd to reload");
                return CTL_FAILED;
        }
        return say_outcomes(ctl, services, n, jobs);
}

static int restart(Ctl *ctl, const Service *const *services, size_t n) {
        int status = ctl_restart(ctl, services, n);

        for (size_t i = 0; i < n && status == CTL_OK; i++)
                ctl_say(ctl, "%s: restarted", services[i]->id);
        return status;
}

/* A program of its own does it, as a child: the reloads and restarts beside it are this one's. */
static int swap(Ctl *ctl, const Service *const *services, size_t n) {
        _cleanup_(freep) char **arguments = calloc(n + 4, sizeof(char *));
        size_t n_arguments = 0;
        int status, r;
        pid_t pid;

        if (!arguments) {
                (void) log_errno(-ENOMEM, "cannot swap");
                return CTL_FAILED;
        }
        arguments[n_arguments++] = (char *) SWAP_PROGRAM;
        arguments[n_arguments++] = (char *) SWAP_ARGUMENT;
        if (ctl->quiet)
                arguments[n_arguments++] = (char *) "--quiet";
        for (size_t i = 0; i < n; i++)
                arguments[n_arguments++] = services[i]->id;
        r = posix_spawn(&pid, SWAP_PROGRAM, NULL, NULL, arguments, environ);
        if (r != 0) {
                (void) log_errno(-r, "cannot run " SWAP_PROGRAM " (install TooLoo anew)");
                return CTL_FAILED;
        }
        /* Ctrl-C is the child's: it ends in good order, and this with it. */
        (void) signal(SIGINT, SIG_IGN);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return CTL_FAILED;
        (void) signal(SIGINT, SIG_DFL);
        if (WIFSIGNALED(status))
                log_error("the swap was ended by SIG%s; run it again to bring it to its end",
                          strna(sigabbrev_np(WTERMSIG(status))));
        return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
}

/* Runs what is to be done in one of the ways. */
static int run_way(Ctl *ctl, Way way, int (*run)(Ctl *ctl, const Service *const *services, size_t n)) {
        _cleanup_(freep) const Service **services = calloc(ctl->n_selected + 1, sizeof(Service *));
        size_t n = 0;

        if (!services) {
                (void) log_errno(-ENOMEM, "cannot reload");
                return CTL_FAILED;
        }
        for (size_t i = 0; i < ctl->n_selected; i++)
                if (way_of(ctl->selected[i]) == way)
                        services[n++] = ctl->selected[i];
        return n > 0 ? run(ctl, services, n) : CTL_OK;
}

int verb_reload(Ctl *ctl) {
        int status, other;

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
        status = run_way(ctl, WAY_RELOAD, reload);
        other = run_way(ctl, WAY_RESTART, restart);
        status = status == CTL_OK ? other : status;
        other = run_way(ctl, WAY_SWAP, swap);
        return status == CTL_OK ? other : status;
}
