/* SPDX-License-Identifier: MIT */
#include "shared/unit-jobs.h"

#include <time.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/unit-failure.h"

static const struct {
        const char *method;
        const char *word;
        const char *failed; /* what the unit then did not do */
} verbs[] = {
        [UNIT_START] = { "StartUnit", "start", "did not start" },
        [UNIT_STOP] = { "StopUnit", "stop", "did not stop" },
        [UNIT_RESTART] = { "RestartUnit", "restart", "did not restart" },
        [UNIT_TRY_RESTART] = { "TryRestartUnit", "restart", "did not restart" },
        [UNIT_RELOAD] = { "ReloadUnit", "reload", "did not reload" },
};

UnitJobs *unit_jobs_free(UnitJobs *jobs) {
        if (!jobs)
                return NULL;
        (void) sd_event_source_disable_unref(jobs->timer);
        (void) sd_bus_slot_unref(jobs->match);
        (void) sd_bus_slot_unref(jobs->subscribe);
        (void) sd_bus_slot_unref(jobs->disconnected);
        while (jobs->first) {
                UnitJob *job = jobs->first;

                jobs->first = job->next;
                (void) sd_bus_slot_unref(job->slot);
                (void) sd_bus_slot_unref(job->watch);
                free(job->unit);
                free(job->result);
                free(job->reason);
                free(job->reason_result);
                free(job->error);
                free(job->error_name);
                free(job->path);
                free(job);
        }
        free(jobs);
        return NULL;
}

/* Nothing more is waited for. The watcher is told by the timer, when nobody is in the midst of the jobs any more. */
static void end_wait(UnitJobs *jobs) {
        int r;

        jobs->waiting = 0;
        if (!jobs->timer)
                return;
        r = sd_event_source_set_time(jobs->timer, 0);
        if (r < 0)
                (void) log_errno(r, "cannot end the wait for jobs of systemd early");
}

static void set_error(UnitJobs *jobs, int error) {
        if (jobs->error >= 0)
                jobs->error = error;
        end_wait(jobs);
}

static void one_less(UnitJobs *jobs) {
        if (jobs->waiting > 0 && --jobs->waiting == 0)
                end_wait(jobs);
}

static void set_result(UnitJob *job, const char *result) {
        UnitJobs *jobs = job->jobs;

        job->result = strdup(result);
        if (!job->result)
                set_error(jobs, -ENOMEM);
        else
                one_less(jobs);
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *path, *unit, *result;
        UnitJobs *jobs = userdata;
        int r;

        r = sd_bus_message_read(m, "uoss", NULL, &path, &unit, &result);
        if (r < 0) {
                set_error(jobs, r);
                return 0;
        }
        /* Two calls can share one job: systemd merges what asks for the same. */
        for (UnitJob *job = jobs->first; job; job = job->next)
                if (job->path && !job->result && streq(job->path, path))
                        set_result(job, result);
        return 0;
}

static int on_subscribed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitJobs *jobs = userdata;

        /* A connection that has waited for jobs before has subscribed before. */
        if (sd_bus_message_is_method_error(m, NULL) &&
            !sd_bus_message_is_method_error(m, "org.freedesktop.systemd1.AlreadySubscribed"))
                set_error(jobs, -sd_bus_message_get_errno(m));
        return 0;
}

/* No JobRemoved will come any more. */
static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        set_error(userdata, -ENOTCONN);
        return 0;
}

int unit_jobs_new(sd_bus *bus, UnitJobs **ret) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = calloc(1, sizeof(UnitJobs));
        int r;

        if (!jobs)
                return -ENOMEM;
        jobs->bus = bus;
        jobs->last = &jobs->first;
        /* None of these waits: the bus keeps the order in which one connection sends. */
        r = sd_bus_match_signal_async(bus, &jobs->match, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved",
                                      on_job_removed, NULL, jobs);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(bus, &jobs->disconnected, "org.freedesktop.DBus.Local",
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                                      on_disconnected, NULL, jobs);
        if (r < 0)
                return r;
        r = sd_bus_call_method_async(bus, &jobs->subscribe, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe",
                                     on_subscribed, jobs, NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(jobs);
        return 0;
}

static int on_queued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitJob *job = userdata;
        const char *path;
        int r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                const sd_bus_error *error = sd_bus_message_get_error(m);

                job->error = strdup(bus_error_text(error, -EIO));
                job->error_name = strdup(error->name);
                if (!job->error || !job->error_name)
                        set_error(job->jobs, -ENOMEM);
                else
                        set_result(job, "refused");
                return 0;
        }
        r = sd_bus_message_read(m, "o", &path);
        if (r >= 0) {
                job->path = strdup(path);
                r = job->path ? 0 : -ENOMEM;
        }
        if (r < 0)
                set_error(job->jobs, r);
        return 0;
}

/* What a service ended with stands in its properties until the next try begins, and that may be at once. */
static int on_service_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitJob *job = userdata;

        if (!job->result && !job->reason) /* without memory the reason is not known, which is no failure */
                (void) unit_failure_of_change(m, &job->reason, &job->reason_result);
        return 0;
}

static int watch_start(UnitJob *job) {
        _cleanup_(freep) char *path = NULL;

        if (job->verb == UNIT_STOP || job->verb == UNIT_RELOAD || !endswith(job->unit, ".service"))
                return 0;
        path = bus_unit_path(job->unit);
        if (!path)
                return -ENOMEM;
        return sd_bus_match_signal_async(job->jobs->bus, &job->watch, SYSTEMD_NAME, path,
                                         "org.freedesktop.DBus.Properties", "PropertiesChanged", on_service_changed,
                                         NULL, job);
}

int unit_jobs_add(UnitJobs *jobs, UnitVerb verb, const char *unit) {
        UnitJob *job = calloc(1, sizeof(UnitJob));
        int r;

        if (!job)
                return -ENOMEM;
        *jobs->last = job;
        jobs->last = &job->next;
        job->jobs = jobs;
        job->verb = verb;
        job->unit = strdup(unit);
        if (!job->unit)
                return -ENOMEM;
        r = watch_start(job);
        if (r < 0)
                return r;
        r = sd_bus_call_method_async(jobs->bus, &job->slot, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                     verbs[verb].method, on_queued, job, "ss", unit, "replace");
        if (r < 0)
                return r;
        jobs->waiting++;
        return 0;
}

static void give_up_rest(UnitJobs *jobs) {
        for (UnitJob *job = jobs->first; job && jobs->error >= 0; job = job->next)
                if (!job->result)
                        set_result(job, "waiting");
}

int unit_jobs_wait_until(UnitJobs *jobs, uint64_t until) {
        int r;

        r = bus_run_while(jobs->bus, &jobs->waiting, until);
        return r < 0 ? r : jobs->error;
}

int unit_jobs_wait(UnitJobs *jobs, uint64_t timeout) {
        int r;

        r = unit_jobs_wait_until(jobs, now_usec() + timeout);
        if (r < 0 && r != -ETIMEDOUT)
                return r;
        give_up_rest(jobs);
        return jobs->error;
}

char *unit_jobs_describe_wait(const UnitJobs *jobs, unsigned *ret_n) {
        const UnitJob *first = NULL;
        unsigned n = 0;

        for (const UnitJob *job = jobs->first; job; job = job->next)
                if (!job->result) {
                        first = first ? first : job;
                        n++;
                }
        *ret_n = n;
        return first ? str_printf("%s to %s", first->unit, verbs[first->verb].word) : NULL;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        UnitJobs *jobs = userdata;

        jobs->timer = sd_event_source_disable_unref(jobs->timer);
        give_up_rest(jobs);
        jobs->done(jobs, MIN(jobs->error, 0), jobs->userdata); /* which may free them */
        return 0;
}

int unit_jobs_watch(UnitJobs *jobs, uint64_t timeout, unit_jobs_done_t done, void *userdata) {
        sd_event *event = sd_bus_get_event(jobs->bus);

        if (!event || jobs->timer)
                return event ? -EBUSY : -EINVAL;
        jobs->done = done;
        jobs->userdata = userdata;
        return sd_event_add_time_relative(event, &jobs->timer, CLOCK_MONOTONIC, jobs->waiting > 0 ? timeout : 0,
                                          USEC_PER_MSEC, on_timer, jobs);
}

char *unit_job_describe(const UnitJob *job) {
        static const struct {
                const char *result;
                const char *text;
        } texts[] = {
                { "failed", "it failed" },
                { "dependency", "a unit that it needs failed" },
                { "timeout", "systemd's own time limit for it was over" },
                { "canceled", "another request took its place" },
                { "skipped", "it does not apply to the unit's present state" },
                { "invalid", "it does not apply to the unit's present state" },
                { "collected", "systemd dropped it" },
                { "assert", "an Assert...= of the unit does not hold" },
                { "unsupported", "units of its kind are not supported here" },
                { "once", "the unit runs only once" },
                { "waiting", "it takes longer than this waits for" },
        };
        const char *why = job->error ? job->error : job->result;

        for (size_t i = 0; i < ELEMENTSOF(texts) && !job->error; i++)
                if (streq(texts[i].result, job->result))
                        why = texts[i].text;
        return str_printf("%s: %s", verbs[job->verb].failed, why);
}

static int ignore_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        return 0; /* a unit that is not loaded has not failed */
}

int unit_reset_failed(sd_bus *bus, char *const *units) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);

        for (; units && *units; units++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                int r;

                r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                                   "ResetFailedUnit");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", *units);
                if (r >= 0)
                        r = bus_batch_call(&batch, m, 0, ignore_answer, NULL);
                if (r < 0)
                        return r;
        }
        return bus_batch_wait(&batch);
}
