/* SPDX-License-Identifier: MIT */
#include "repair.h"

#include "shared/bus-util.h"

/* Reading all unit files again takes seconds on a machine that has many and is busy. */
#define RELOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

int repair_daemon_reload(Doctor *d, char **ret_why) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_message_new_method_call(d->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Reload");
        if (r >= 0)
                r = sd_bus_call(d->bus, m, RELOAD_TIMEOUT_USEC, &error, NULL);
        if (r < 0)
                *ret_why = str_printf("systemd did not read the unit files again: %s", bus_error_text(&error, r));
        return r;
}

int repair_job(Doctor *d, UnitVerb verb, const char *unit, char **ret_why) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        _cleanup_(freep) char *sentence = NULL;
        int r;

        r = unit_jobs_new(d->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, verb, unit);
        if (r >= 0)
                r = unit_jobs_wait(jobs, CTL_JOBS_TIMEOUT_USEC);
        if (r < 0 || unit_job_done(jobs->first))
                return r;
        sentence = unit_job_describe(jobs->first);
        *ret_why = str_printf("%s %s", unit, strna(sentence));
        return -EIO;
}
