/* SPDX-License-Identifier: MIT */
#include "restart-changed.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "await-health.h"
#include "basic/time-util.h"
#include "command-line.h"
#include "output.h"
#include "preflight.h"
#include "running-program.h"
#include "settle.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "shared/upgrade-hold.h"
#include "upgrade-order.h"

/* Started by a path unit when a program of ours was replaced, and a path unit loses what changes while this runs. So after
 * each restart everything is looked at again, until nothing is left to do.
 *
 * A program that cannot run at all (preflight.h) takes nothing down. One that starts and is never healthy takes one service
 * down, the first. Either way nobody else gets it: where it was held stays written down (shared/upgrade-hold.h), and as long
 * as that very file lies there, the next run does nothing but say so. */

#define HEALTHY_USEC (60 * USEC_PER_SEC)
#define TIMEOUT_MAX_USEC (24 * 3600 * USEC_PER_SEC)

/* Of one that has been mended since: it runs, and metricsd has asked it. */
#define MENDED_USEC (5 * USEC_PER_SEC)

typedef struct Upgrade {
        Ctl *ctl;
        uint64_t timeout;
        Settle settle;
        int lock;
        UpgradeHold hold; /* of an earlier run, while its file has been replaced; service NULL for none */
        char **done;      /* "ID IDENTITY": who was restarted by this run, to which file */
        char *sound;      /* identity of the file that was found to run */
        size_t left;      /* services that are still to be restarted, without the one in turn */
} Upgrade;

static void upgrade_done(Upgrade *u) {
        settle_done(&u->settle);
        safe_close(u->lock);
        upgrade_hold_done(&u->hold);
        strv_free(u->done);
        free(u->sound);
}

/* --- Held ------------------------------------------------------------------------------------------------------ */

/* The end of this run: what is wrong, and who goes on as before. */
static int hold(const Upgrade *u, const char *id, const char *program, size_t left, const char *what) {
        _cleanup_(freep) char *identity = file_identity(program), *reason = NULL, *unit = NULL;
        char invocation[33] = "";
        int r = -ENOMEM;

        unit = str_printf("tooloo-%s.service", id);
        if (unit)
                unit_invocation(unit, invocation);
        reason = str_printf("the upgrade is held at %s: %s; %zu other%s keep%s the program before; put a good one in place, or "
                            "mend it and run 'toolooctl restart --changed'", id, what, left, left == 1 ? "" : "s",
                            left == 1 ? "s" : "");
        if (identity && reason)
                r = upgrade_hold_write(&(UpgradeHold) { .service = (char *) id, .invocation = invocation,
                                                        .program = (char *) program, .identity = identity,
                                                        .reason = reason });
        log_error("%s", reason ? reason : what);
        if (r < 0)
                (void) log_errno(r, "cannot write down that the upgrade is held, so the next change goes on with it");
        return CTL_FAILED;
}

/* Whoever has mended it by other means than a new file: it runs that one, and is healthy. */
static bool is_mended(Upgrade *u) {
        const Service *s = registry_find(u->ctl->registry, u->hold.service);
        _cleanup_(running_program_done) RunningProgram program = {};
        _cleanup_(freep) char *how = NULL;

        return s && running_program_query(u->ctl->bus, s->unit, &program) >= 0 && program.pid > 0 && !program.replaced &&
               await_health(s->id, MENDED_USEC, &how) == HEALTH_END_WELL;
}

/* CTL_OK to go on. */
static int look_at_hold(Upgrade *u) {
        _cleanup_(freep) char *identity = NULL;
        int r;

        upgrade_hold_done(&u->hold);
        r = upgrade_hold_read(&u->hold);
        if (r < 0)
                upgrade_hold_done(&u->hold);
        if (r == -ENOENT)
                return CTL_OK;
        if (r >= 0) {
                identity = file_identity(u->hold.program);
                r = identity ? 0 : -ENOMEM;
        }
        if (r < 0) {
                (void) log_errno(r, "cannot find out whether the last upgrade was held");
                return CTL_FAILED;
        }
        if ((*identity && !streq(identity, u->hold.identity)) || is_mended(u))
                return CTL_OK;
        log_error("%s", u->hold.reason);
        return CTL_FAILED;
}

/* --- Who has to -------------------------------------------------------------------------------------------------- */

static bool is_done(const Upgrade *u, const char *id, const char *program) {
        _cleanup_(freep) char *identity = file_identity(program), *mark = NULL;

        mark = identity ? str_printf("%s %s", id, identity) : NULL;
        return mark && strv_contains(u->done, mark);
}

static int note_done(Upgrade *u, const char *id, const char *program) {
        _cleanup_(freep) char *identity = file_identity(program), *mark = NULL;

        mark = identity ? str_printf("%s %s", id, identity) : NULL;
        return mark ? strv_extend(&u->done, mark) : -ENOMEM;
}

/* Down by the program that was held there, not by somebody's will. */
static bool is_down_by_hold(const Upgrade *u, const Service *s) {
        return u->hold.service && streq(u->hold.service, s->id) && s->active_state &&
               (streq(s->active_state, "failed") || streq(s->active_state, "activating"));
}

/* 1 when it has to be restarted. */
static int has_to(const Upgrade *u, const Service *s) {
        _cleanup_(running_program_done) RunningProgram program = {};
        int r;

        if (service_is_masked(s))
                return 0;
        r = running_program_query(u->ctl->bus, s->unit, &program);
        if (r < 0)
                return r == -EXDEV ? 0 : r;
        if (access(program.path, F_OK) < 0 || is_done(u, s->id, program.path))
                return 0;
        return (program.pid > 0 && program.replaced) || is_down_by_hold(u, s);
}

/* *ret is NULL when nobody has to. */
static int find_next(Upgrade *u, const Service **ret) {
        _cleanup_(freep) const Service **changed = calloc(u->ctl->n_selected + 1, sizeof(Service *));
        size_t n = 0;

        if (!changed)
                return -ENOMEM;
        for (size_t i = 0; i < u->ctl->n_selected; i++) {
                int r = has_to(u, u->ctl->selected[i]);

                if (r < 0)
                        return r;
                if (r > 0)
                        changed[n++] = u->ctl->selected[i];
        }
        u->left = n > 0 ? n - 1 : 0;
        *ret = upgrade_first(changed, n);
        return 0;
}

/* --- One restart ------------------------------------------------------------------------------------------------- */

/* CTL_OK when the program can run. Nobody has been restarted for it yet. */
static int try_program(Upgrade *u, const char *id, const char *program) {
        _cleanup_(freep) char *identity = file_identity(program), *why = NULL, *what = NULL;
        int r;

        if (identity && u->sound && streq(identity, u->sound))
                return CTL_OK;
        r = identity ? preflight(program, &why) : -ENOMEM;
        if (r < 0) {
                (void) log_errno(r, "cannot try %s", program);
                return CTL_FAILED;
        }
        if (r > 0) {
                free(u->sound);
                u->sound = TAKE_PTR(identity);
                return CTL_OK;
        }
        what = str_printf("%s does not run (%s)", program, why);
        return hold(u, id, program, u->left, what ? what : why);
}

/* The unit file may have come with the program. */
static int read_unit_files(Upgrade *u, const char *unit) {
        _cleanup_(running_program_done) RunningProgram program = {};
        int r;

        r = running_program_query(u->ctl->bus, unit, &program);
        if (r < 0 || !program.need_daemon_reload)
                return r;
        return bus_reload_unit_files(u->ctl->bus);
}

/* How that went is seen by its health: systemd may try more than once. */
static int ask_restart(Upgrade *u, const Service *s) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(u->ctl->bus, &jobs);
        if (r >= 0 && s->socket)
                r = unit_jobs_add(jobs, UNIT_START, s->socket);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_RESTART, s->unit);
        return r < 0 ? r : ctl_wait_jobs(u->ctl, jobs);
}

static int restart(Upgrade *u, const Service *s) {
        Ctl one = *u->ctl;
        int r;

        one.selected = &s;
        one.n_selected = 1;
        if (ctl_reset(&one, true) != CTL_OK)
                return CTL_FAILED;
        r = read_unit_files(u, s->unit);
        if (r >= 0)
                r = ask_restart(u, s);
        if (r < 0) {
                (void) log_errno(r, "cannot restart %s", s->id);
                return CTL_FAILED;
        }
        return CTL_OK;
}

static int check(Upgrade *u, const Service *s, const char *program) {
        _cleanup_(freep) char *how = NULL, *what = NULL;

        switch (await_health(s->id, u->timeout, &how)) {
        case HEALTH_END_WELL:
                ctl_say(u->ctl, "%s: restarted with the new %s", s->id, program);
                return CTL_OK;
        case HEALTH_END_STOPPED:
                ctl_say(u->ctl, "%s: was stopped meanwhile", s->id);
                return CTL_OK;
        case HEALTH_END_ILL:
                what = str_printf("with the new %s it is not healthy (%s)", program, strna(how));
                return hold(u, s->id, program, u->left, what ? what : "it is not healthy");
        case HEALTH_END_LOST:
        default:
                return CTL_FAILED;
        }
}

static int upgrade(Upgrade *u, const Service *s) {
        _cleanup_(running_program_done) RunningProgram program = {};
        int status, r;

        r = running_program_query(u->ctl->bus, s->unit, &program);
        if (r >= 0)
                r = note_done(u, s->id, program.path);
        if (r < 0) {
                (void) log_errno(r, "cannot see what %s runs", s->id);
                return CTL_FAILED;
        }
        status = try_program(u, s->id, program.path);
        if (status == CTL_OK)
                status = restart(u, s);
        return status == CTL_OK ? check(u, s, program.path) : status;
}

/* --- All of them ------------------------------------------------------------------------------------------------- */

/* No service of the list, and nobody waits for it: it comes after all others. */
static int upgrade_watchd(Upgrade *u) {
        _cleanup_(running_program_done) RunningProgram program = {};
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        _cleanup_(freep) char *why = NULL;
        int r;

        r = running_program_query(u->ctl->bus, WATCHD_UNIT, &program);
        if (r == -EXDEV || (r >= 0 && (program.pid == 0 || !program.replaced)))
                return CTL_OK;
        if (r >= 0)
                r = preflight(program.path, &why);
        if (r == 0) {
                log_error("%s does not run (%s), so " WATCHD_UNIT " keeps the one before; put a good one in place",
                          program.path, why);
                return CTL_FAILED;
        }
        if (r >= 0)
                r = unit_jobs_new(u->ctl->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_TRY_RESTART, WATCHD_UNIT);
        if (r < 0) {
                (void) log_errno(r, "cannot restart " WATCHD_UNIT);
                return CTL_FAILED;
        }
        return ctl_finish_jobs(u->ctl, jobs);
}

/* 1 when there may be more to do. */
static int turn(Upgrade *u, int *status) {
        const Service *next = NULL;
        int r;

        r = settle_wait(&u->settle);
        if (r < 0)
                return r;
        *status = ctl_refresh(u->ctl);
        if (*status == CTL_OK)
                *status = look_at_hold(u);
        if (*status != CTL_OK)
                return 0;
        r = find_next(u, &next);
        if (r < 0)
                return r;
        if (next)
                *status = upgrade(u, next);
        else {
                r = upgrade_hold_remove();
                *status = r < 0 ? CTL_FAILED : upgrade_watchd(u);
        }
        return r < 0 ? r : next && *status == CTL_OK;
}

/* Two at once would restart two services at once. */
static int take_lock(Upgrade *u) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *path = str_printf("%s/tooloo-upgrade.lock", runtime ? runtime : "/tmp");

        if (!path)
                return -ENOMEM;
        u->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (u->lock < 0)
                return -errno;
        if (flock(u->lock, LOCK_EX | LOCK_NB) >= 0)
                return 0;
        if (errno == EWOULDBLOCK)
                ctl_say(u->ctl, "Waiting for the upgrade that is under way");
        while (flock(u->lock, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int parse(const Ctl *ctl, uint64_t *ret) {
        const char *timeout = ctl->given[OPTION_TIMEOUT];

        *ret = HEALTHY_USEC;
        if (timeout && (parse_timespan(timeout, ret) < 0 || *ret > TIMEOUT_MAX_USEC))
                return verb_usage(ctl, "--timeout takes a time such as '30s' or '2min', of a day at most, not '%s'", timeout);
        return CTL_OK;
}

int restart_changed(Ctl *ctl) {
        _cleanup_(upgrade_done) Upgrade u = { .ctl = ctl, .settle = { .fd = -EBADF }, .lock = -EBADF };
        int status, r;

        status = parse(ctl, &u.timeout);
        if (status == CTL_OK)
                status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        r = take_lock(&u);
        if (r >= 0)
                r = settle_begin(&u.settle);
        while (r >= 0 && (r = turn(&u, &status)) > 0)
                ;
        if (r < 0) {
                (void) log_errno(r, "cannot find out which services run an older program");
                return CTL_FAILED;
        }
        return status;
}
