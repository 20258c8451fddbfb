/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "host/host.h"
#include "shared/log.h"
#include "shared/service-bus.h"

/* The order of a reload, the old generation serving until the last step: copy the file to a name never used
 * before, try it in a child process, load it here, init, resume, swap the route set between two events. The old
 * generation goes when its last request ends. */

static void start_next(Host *host);

/* --- Trust --- */

static int on_proven(sd_event_source *source, uint64_t usec, void *userdata) {
        Host *host = userdata;
        int r = proven_confirm(&host->proven);

        if (r < 0)
                log_errno(r, "Cannot keep a copy of the module to fall back to");
        return 0;
}

/* False, and said, when nothing can be remembered. */
static bool begin_to_prove(Host *host, const char *copy, bool replaces) {
        int r = proven_begin(&host->proven, copy, replaces);

        if (r < 0) {
                log_errno(r, "Cannot write to the state directory, a crash would not be rolled back");
                return false;
        }
        if (!host->prove_timer)
                r = sd_event_add_time_relative(host->event, &host->prove_timer, CLOCK_MONOTONIC, host->prove_usec,
                                               USEC_PER_SEC, on_proven, host);
        else {
                r = sd_event_source_set_time_relative(host->prove_timer, host->prove_usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(host->prove_timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_errno(r, "Cannot set a timer");
        return true;
}

/* --- What is said of it --- */

/* What a timeline is made of. pause in usec, 0 for none; reason may be NULL. */
static void add_fields(const Host *host, LogFields *fields, const char *event, uint64_t generation, uint64_t pause,
                       const char *reason) {
        const ReloadWaiter *first = STAILQ_FIRST(&host->running);

        log_fields_add(fields, "TOOLOO_EVENT=%s", event);
        log_fields_add(fields, "TOOLOO_GENERATION=%" PRIu64, generation);
        log_fields_add(fields, "TOOLOO_FILE=%s", host->module_path);
        if (pause > 0)
                log_fields_add(fields, "TOOLOO_PAUSE_USEC=%" PRIu64, pause);
        if (first)
                log_fields_add(fields, "TOOLOO_DURATION_USEC=%" PRIu64, now_usec() - first->asked);
        if (reason)
                log_fields_add(fields, "TOOLOO_REASON=%s", reason);
}

/* --- The first generation --- */

static void note_rollback(Host *host, const char *why) {
        _cleanup_(log_fields_done) LogFields fields = {};

        if (str_replace_printf(&host->last_problem, "rolled back to the last good module: %s", why) < 0)
                log_errno(-ENOMEM, "Cannot note the problem");
        host->last_result = "rolled-back";
        add_fields(host, &fields, "rolled-back", host->current->service.number, 0, why);
        log_fields(LOG_ERR, (const char *const *) fields.list,
                   "Not running %s: %s. Running the last good module instead; a changed file is taken again",
                   host->module_path, why);
}

/* Its content is known not to work: it took the service down, or was rejected in a reload before this restart. *ret_why is
 * NULL without memory. */
static bool must_go_back(const Host *host, char **ret_why) {
        if (!proven_has_good(&host->proven))
                return false;
        if (proven_is_bad(&host->proven, host->module_path, ret_why))
                return true;
        if (files_equal(host->module_path, host->rejected_path) <= 0)
                return false;
        *ret_why = strdup("this file was rejected before; 'toolooctl reload' tries it again");
        return true;
}

static int load_copy_of(Host *host, const char *file, char **ret_reason) {
        _cleanup_(freep) char *copy = NULL;
        int r;

        r = host_copy_module(host, file, &copy, ret_reason);
        if (r < 0)
                return r;
        /* Before it runs: a crash in its init is to be remembered, too. */
        (void) begin_to_prove(host, copy, false);
        r = host_swap(host, copy, ret_reason);
        if (r < 0) {
                (void) unlink(copy);
                return r;
        }
        free(host->current_copy);
        host->current_copy = TAKE_PTR(copy);
        return 0;
}

/* The file or the last good copy; where that does not load, the other one. The good one may be that which does not: after an
 * upgrade it is of an ABI that is no more. */
int host_load_first(Host *host, char **ret_reason) {
        _cleanup_(freep) char *reason = NULL, *why = NULL;
        bool back;
        int r;

        host_remove_old_copies(host);
        back = must_go_back(host, &why);
        r = load_copy_of(host, back ? host->proven.good : host->module_path, &reason);
        if (r < 0 && proven_has_good(&host->proven)) {
                if (!back)
                        why = reason ? TAKE_PTR(reason) : strdup(strerror(-r));
                free(TAKE_PTR(reason));
                back = !back;
                r = load_copy_of(host, back ? host->proven.good : host->module_path, &reason);
        }
        if (r < 0)
                *ret_reason = reason ? TAKE_PTR(reason) : strdup(strerror(-r));
        else if (back)
                note_rollback(host, strna(why));
        return r;
}

/* --- Reload --- */

static const ReloadResult no_memory = { .error = SD_BUS_ERROR_NO_MEMORY, .message = "out of memory" };

static void answer_all(ReloadWaiters *waiters, const ReloadResult *result) {
        ReloadWaiter *waiter;

        while ((waiter = STAILQ_FIRST(waiters))) {
                STAILQ_REMOVE_HEAD(waiters, entries);
                if (waiter->done)
                        waiter->done(result, waiter->userdata);
                free(waiter);
        }
}

static int on_next_reload(sd_event_source *source, void *userdata) {
        Host *host = userdata;

        host->next_reload = sd_event_source_disable_unref(host->next_reload);
        start_next(host);
        return 0;
}

static void finish(Host *host, const ReloadResult *result) {
        host_status_update(host);
        host_bus_changed(host);
        answer_all(&host->running, result);
        if (!STAILQ_EMPTY(&host->queued) && !host->next_reload &&
            sd_event_add_defer(host->event, &host->next_reload, on_next_reload, host) < 0)
                answer_all(&host->queued, &no_memory);
}

static void reject(Host *host, const char *copy, const char *error, const char *reason) {
        _cleanup_(log_fields_done) LogFields fields = {};

        add_fields(host, &fields, "reload-rejected", host->current->service.number, 0, reason);
        log_fields(LOG_ERR, (const char *const *) fields.list,
                   "Module rejected, generation %lu goes on serving: %s",
                   (unsigned long) host->current->service.number, reason);
        if (copy && rename(copy, host->rejected_path) < 0) {
                log_warning("Cannot keep %s: %s", host->rejected_path, strerror(errno));
                (void) unlink(copy);
        }
        if (str_replace_printf(&host->last_problem, "module rejected: %s", reason) < 0)
                log_errno(-ENOMEM, "Cannot note the problem");
        host->last_result = "rejected";
        host->n_rejected++;
        finish(host, &(ReloadResult) { .error = error, .message = reason });
}

/* Takes over copy. */
static void accept_module(Host *host, char *copy) {
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *reason = NULL;
        uint64_t begin, pause;
        bool noted;
        int r, q;

        noted = begin_to_prove(host, copy, true); /* before it runs, as with the first one */
        begin = now_usec();
        r = host_swap(host, copy, &reason);
        pause = now_usec() - begin;
        q = proven_decide(&host->proven, r >= 0);
        if (q < 0 && noted)
                log_errno(q, "Cannot write to the state directory, a crash might roll back to the wrong module");
        if (r < 0) {
                reject(host, copy, SERVICE_BUS_ERROR_REJECTED, reason ? reason : strerror(-r));
                free(copy);
                return;
        }
        free(host->current_copy);
        host->current_copy = copy;
        host->last_pause = pause;
        host->last_reload = now_realtime_usec();
        host->last_result = "reloaded";
        host->n_reloaded++;
        host->last_problem = (free(host->last_problem), NULL);
        (void) unlink(host->rejected_path);
        add_fields(host, &fields, "reloaded", host->current->service.number, pause, NULL);
        log_fields(LOG_INFO, (const char *const *) fields.list,
                   "Reloaded: generation %lu serves, pause %lu us", (unsigned long) host->current->service.number,
                   (unsigned long) pause);
        finish(host, &(ReloadResult) { .outcome = "reloaded", .generation = host->current->service.number,
                                       .pause_usec = pause });
}

static void on_trial_done(int result, const char *reason, void *userdata) {
        Host *host = userdata;
        _cleanup_(freep) char *copy = TAKE_PTR(host->trial_copy);

        host->trial = trial_free(host->trial);
        if (result < 0)
                reject(host, copy, SERVICE_BUS_ERROR_REJECTED, reason);
        else
                accept_module(host, TAKE_PTR(copy));
}

/* What runs lies on disk again, so nothing is wrong any more; and what was rejected is tried again should it come back. */
static void forget_problem(Host *host) {
        _cleanup_(log_fields_done) LogFields fields = {};

        if (!host->last_problem)
                return;
        free(TAKE_PTR(host->last_problem));
        host->last_result = NULL;
        (void) unlink(host->rejected_path);
        add_fields(host, &fields, "reload-mended", host->current->service.number, 0, NULL);
        log_fields(LOG_INFO, (const char *const *) fields.list, "The module that serves lies in %s again", host->module_path);
}

static void note_refused(Host *host, const char *why) {
        if (host->last_problem)
                return;
        if (str_replace_printf(&host->last_problem, "module rejected: %s", why) < 0)
                log_errno(-ENOMEM, "Cannot note the problem");
        host->last_result = "rejected";
}

/* Loaded already, or found wanting already. */
static bool is_settled(Host *host, const char *copy) {
        _cleanup_(freep) char *why = NULL;

        if (files_equal(copy, host->current_copy) > 0)
                forget_problem(host);
        else if (proven_is_bad(&host->proven, copy, &why))
                note_refused(host, strna(why));
        else if (files_equal(copy, host->rejected_path) > 0)
                note_refused(host, "this file was rejected before; 'toolooctl reload' tries it again");
        else
                return false;
        return true;
}

static void start_next(Host *host) {
        _cleanup_(freep) char *copy = NULL, *reason = NULL;
        bool only_if_changed = true;
        ReloadWaiter *waiter;
        int r;

        STAILQ_CONCAT(&host->running, &host->queued);
        STAILQ_FOREACH(waiter, &host->running, entries)
                only_if_changed = only_if_changed && waiter->only_if_changed;
        r = host_copy_module(host, host->module_path, &copy, &reason);
        if (r < 0) {
                reject(host, NULL, SERVICE_BUS_ERROR_MISSING, reason ? reason : strerror(-r));
                return;
        }
        if (only_if_changed && is_settled(host, copy)) {
                (void) unlink(copy);
                finish(host, &(ReloadResult) { .outcome = "unchanged", .generation = host->current->service.number });
                return;
        }
        r = trial_start(host->event, copy, host->id, host->trial_timeout_usec, on_trial_done, host, &host->trial);
        if (r < 0) {
                reason = str_printf("cannot start a process to try it in: %s", strerror(-r));
                reject(host, copy, SERVICE_BUS_ERROR_REJECTED, reason ? reason : strerror(-r));
                return;
        }
        host->trial_copy = TAKE_PTR(copy);
}

/* To "toolooctl reload --changed" a service that does not run any more: the next one loads the new file. */
static const ReloadResult stopping = { .error = SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                       .message = "the service is stopping" };

void host_reload(Host *host, bool only_if_changed, ReloadDone done, void *userdata) {
        ReloadWaiter *waiter = calloc(1, sizeof(ReloadWaiter));

        if (host->stopping || !waiter) {
                if (done)
                        done(host->stopping ? &stopping : &no_memory, userdata);
                free(waiter);
                return;
        }
        *waiter = (ReloadWaiter) { .only_if_changed = only_if_changed, .asked = now_usec(), .done = done,
                                   .userdata = userdata };
        STAILQ_INSERT_TAIL(&host->queued, waiter, entries);
        if (!host->trial && !host->next_reload)
                start_next(host);
}

void host_reload_stop(Host *host) {
        host->trial = trial_free(host->trial);
        if (host->trial_copy)
                (void) unlink(host->trial_copy);
        host->trial_copy = (free(host->trial_copy), NULL);
        answer_all(&host->running, &stopping);
        answer_all(&host->queued, &stopping);
        host->next_reload = sd_event_source_disable_unref(host->next_reload);
        host->prove_timer = sd_event_source_disable_unref(host->prove_timer);
}
