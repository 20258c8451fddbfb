/* SPDX-License-Identifier: MIT */
#include "swap.h"

#include <fcntl.h>
#include <sys/file.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/progress.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* Where a unit has none: systemd would wait forever. */
#define TIMEOUT_MAX_USEC (600 * USEC_PER_SEC)

static void swap_done(Swap *swap) {
        instance_states_done(&swap->instances);
}

static int wait_jobs(const Swap *swap, UnitJobs *jobs) {
        uint64_t end = now_usec() + CTL_JOBS_TIMEOUT_USEC;
        int r;

        progress_begin(swap->ctl->quiet);
        while ((r = unit_jobs_wait_until(jobs, MIN(end, progress_due()))) == -ETIMEDOUT && now_usec() < end)
                progress_show("Waiting for %s to %s", jobs->first->unit,
                              jobs->first->verb == UNIT_STOP ? "finish what it has accepted" : "start");
        progress_end();
        return r == -ETIMEDOUT ? unit_jobs_wait(jobs, 0) : r;
}

int swap_jobs(const Swap *swap, UnitVerb verb, const char *const *units, size_t n) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r, failed = 0;

        r = unit_jobs_new(swap->ctl->bus, &jobs);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = unit_jobs_add(jobs, verb, units[i]);
        if (r >= 0)
                r = wait_jobs(swap, jobs);
        if (r < 0)
                return log_errno(r, "lost the systemd user manager while waiting for it");
        for (const UnitJob *job = jobs->first; job; job = job->next) {
                _cleanup_(freep) char *text = NULL;

                if (unit_job_done(job) || (verb == UNIT_STOP && job->error_name &&
                                           streq(job->error_name, SYSTEMD_ERROR_NO_SUCH_UNIT)))
                        continue;
                text = unit_job_describe(job);
                log_error("%s %s; see 'journalctl --user-unit=%s -n 20'", job->unit, strna(text), job->unit);
                failed = -ECANCELED;
        }
        return failed;
}

/* Of the lock, the kernel lets go when the program ends, however that happens. */
static int wait_for_lock(int fd, const char *id, bool quiet) {
        if (!quiet && isatty(STDERR_FILENO))
                log_notice("waiting for another run that swaps or scales %s", id);
        return flock(fd, LOCK_EX) < 0 ? -errno : 0;
}

static int lock(const char *id, bool quiet, int *ret) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *directory = NULL, *path = NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (!runtime) {
                log_error("XDG_RUNTIME_DIR is not set, and units for a swap lie there: log in through a real session");
                return -ENOENT;
        }
        directory = str_printf("%s/tooloo", runtime);
        path = directory ? str_printf("%s/%s.lock", directory, id) : NULL;
        r = path ? mkdir_parents(directory, 0700) : -ENOMEM;
        if (r >= 0) {
                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                r = fd < 0 ? -errno : 0;
        }
        if (r >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
                r = errno == EWOULDBLOCK ? wait_for_lock(fd, id, quiet) : -errno;
        if (r < 0)
                return log_errno(r, "cannot lock %s", path ? path : id);
        *ret = TAKE_FD(fd);
        return 0;
}

typedef struct SocketState {
        char *active;
        uint32_t job;
} SocketState;

/* In one transaction the services stop first, and the socket's own job waits for them. */
bool swap_was_stopped(const Swap *swap) {
        static const BusProperty properties[] = {
                { SYSTEMD_UNIT, "ActiveState", "s", offsetof(SocketState, active) },
                { SYSTEMD_UNIT, "Job", "(uo)", offsetof(SocketState, job) },
        };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(swap->ctl->bus);
        _cleanup_(freep) char *path = bus_unit_path(swap->s->socket), *active = NULL;
        SocketState state = {};
        int r;

        r = path ? bus_batch_unit_properties(&batch, path, properties, ELEMENTSOF(properties), &state) : -ENOMEM;
        if (r >= 0)
                r = bus_batch_wait(&batch);
        active = state.active;
        if (r < 0 || (state.job == 0 && (streq(strna(active), "active") || streq(strna(active), "failed"))))
                return false;
        log_error("%s was stopped meanwhile; 'toolooctl start %s' starts it with its new code", swap->s->id, swap->s->id);
        return true;
}

static int ask_timeout(Swap *swap) {
        static const BusProperty property = { SYSTEMD_SERVICE, "TimeoutStartUSec", "t", 0 };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(swap->ctl->bus);
        _cleanup_(freep) char *path = bus_unit_path(swap->s->unit);
        int r;

        swap->timeout = TIMEOUT_MAX_USEC;
        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, path, &property, 1, &swap->timeout);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        swap->timeout = MIN(swap->timeout, TIMEOUT_MAX_USEC);
        return r;
}

static int begin(Ctl *ctl, Turn *turn, const char *id, Swap *ret, int *ret_lock) {
        _cleanup_(closep) int fd = -EBADF;
        Swap swap = { .ctl = ctl, .turn = turn, .begun = now_usec() };
        int r;

        r = lock(id, ctl->quiet, &fd);
        if (r < 0)
                return r;
        /* As the files are now, and as whoever had the lock has left them. */
        if (bus_reload_unit_files(ctl->bus) < 0 || ctl_refresh(ctl) != CTL_OK)
                return -ECANCELED;
        swap.s = registry_find(ctl->registry, id);
        if (!swap.s) {
                log_error("the unit files of %s are gone", id);
                return -ECANCELED;
        }
        r = ask_timeout(&swap);
        if (r >= 0)
                r = instance_states_query(ctl->bus, &swap.instances);
        if (r < 0)
                return log_errno(r, "cannot ask systemd about %s", swap.s->unit);
        *ret = swap;
        *ret_lock = TAKE_FD(fd);
        return 0;
}

int swap_run(Ctl *ctl, const char *id, swap_work_t work, void *userdata) {
        _cleanup_(swap_done) Swap swap = {};
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(turn_done) Turn turn = { .signals = -EBADF };

        if (begin(ctl, &turn, id, &swap, &fd) < 0 || !swap.s)
                return CTL_FAILED;
        if (turn_init(&turn, ctl->bus) < 0) {
                log_error("cannot wait for signals and answers");
                return CTL_FAILED;
        }
        return work(&swap, userdata);
}

/* What the service must be for a swap. A run that was killed may have left @next as all that serves. */
static int check(const Swap *swap) {
        const Service *s = swap->s;

        if (!s->socket || s->port == 0) {
                log_error("%s cannot swap: it has no socket unit with a TCP port, so two generations cannot listen at once; set "
                          "OnChange=restart, or give it a socket", s->id);
                return CTL_FAILED;
        }
        if (!streq(strna(s->active_state), "active") &&
            !instance_runs(instance_find(&swap->instances, s->id, INSTANCE_NEXT_NAME))) {
                log_error("%s is not active (%s), so it cannot swap; use 'toolooctl start %s'", s->id,
                          strna(s->active_state), s->id);
                return CTL_FAILED;
        }
        return CTL_OK;
}

static int swap_code(Swap *swap, void *userdata) {
        char span[TIMESPAN_MAX];
        int status;

        status = check(swap);
        if (status == CTL_OK)
                status = trial_clean(swap);
        if (status == CTL_OK)
                status = trial_run(swap);
        if (status == CTL_OK)
                status = hand_over(swap);
        if (status == CTL_OK)
                ctl_say(swap->ctl, "%s: swapped in %s", swap->s->id, format_timespan(span, now_usec() - swap->begun));
        return status;
}

int swap_services(Ctl *ctl) {
        int status;

        status = ctl_select(ctl, CTL_UNKNOWN);
        STRV_FOREACH(name, status == CTL_OK ? ctl->names : NULL)
                if (swap_run(ctl, *name, swap_code, NULL) != CTL_OK)
                        status = CTL_FAILED;
        return status;
}
