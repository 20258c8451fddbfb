/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

/* Jobs of systemd, asked for and waited for together. A job is over when systemd says JobRemoved, and "done" alone is
 * success; so the signal is subscribed to before the first job is asked for. */

typedef enum UnitVerb { UNIT_START, UNIT_STOP, UNIT_RESTART, UNIT_TRY_RESTART, UNIT_RELOAD } UnitVerb;

typedef struct UnitJob {
        char *unit;
        UnitVerb verb;
        /* "done", "failed", "dependency", "timeout", "canceled", "skipped", ... as JobRemoved says it; "refused" when
         * systemd took no such job (error says why), "waiting" when the wait ended before the job. */
        char *result;
        char *error;      /* systemd's words for "refused", else NULL */
        char *error_name; /* its D-Bus name */
        /* Of a service that was to start and failed: why, in one sentence, as systemd told it then. When the job's
         * result is there the next try may have begun, which has not failed yet. reason_result is systemd's word for it.
         * NULL when nothing was to be had. */
        char *reason, *reason_result;
        char *path;
        sd_bus_slot *slot, *watch;
        struct UnitJobs *jobs;
        struct UnitJob *next;
} UnitJob;

typedef struct UnitJobs UnitJobs;

/* error: 0, whatever the jobs' results; negative when the bus or memory failed: -ENOTCONN, say. */
typedef void (*unit_jobs_done_t)(UnitJobs *jobs, int error, void *userdata);

struct UnitJobs {
        sd_bus *bus;
        sd_bus_slot *match;
        sd_bus_slot *subscribe;
        sd_bus_slot *disconnected;
        UnitJob *first; /* in the order of the calls */
        UnitJob **last;
        unsigned waiting; /* jobs without a result */
        int error;
        sd_event_source *timer; /* of unit_jobs_watch() */
        unit_jobs_done_t done;
        void *userdata;
};

/* bus must live longer. */
int unit_jobs_new(sd_bus *bus, UnitJobs **ret);
UnitJobs *unit_jobs_free(UnitJobs *jobs);
TL_DEFINE_CLEANUP(UnitJobs *, unit_jobs_free)

/* Asks for a job without waiting, in mode "replace". */
int unit_jobs_add(UnitJobs *jobs, UnitVerb verb, const char *unit);

/* Waits until every job has its result or timeout (usec) is over. Negative only when the bus or memory fails; jobs
 * that went wrong are found by their result. */
int unit_jobs_wait(UnitJobs *jobs, uint64_t timeout);

/* A part of that wait, for whoever has something to say meanwhile: 0 when every job has its result, -ETIMEDOUT when until
 * (monotonic usec) came first; no job is given up then. Other errors as above. */
int unit_jobs_wait_until(UnitJobs *jobs, uint64_t until);

/* What the first job without a result is to do, for people ("tooloo-web.service to start"), and how many there are;
 * NULL for none, or without memory. The caller frees. */
char *unit_jobs_describe_wait(const UnitJobs *jobs, unsigned *ret_n);

/* The same from the event loop that the bus is attached to: done is called once, never from within this. It may free
 * the jobs; freed before, it is not called. Jobs are added before this, not after. */
int unit_jobs_watch(UnitJobs *jobs, uint64_t timeout, unit_jobs_done_t done, void *userdata);

static inline bool unit_job_done(const UnitJob *job) {
        return job->result && job->result[0] == 'd' && job->result[1] == 'o';
}

/* One clear sentence without the unit's name: "did not start: ...". The caller frees; NULL without memory. */
char *unit_job_describe(const UnitJob *job);

/* Makes failed units, and the start limits that they ran into, as good as new. Units that are not loaded are fine. */
int unit_reset_failed(sd_bus *bus, char *const *units);
