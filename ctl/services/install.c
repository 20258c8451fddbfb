/* SPDX-License-Identifier: MIT */
#include "install.h"

#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "manager.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "unit-document.h"

/* What systemd itself takes of a unit file is more; one of this size was hardly meant. */
#define UNIT_FILE_MAX (64 * 1024)

void installed_done(Installed *i) {
        free(i->directory);
        free(i->service_path);
        free(i->socket_path);
        free(i->unit);
        free(i->socket);
        *i = (Installed) {};
}

static int no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot write the unit files");
        return CTL_FAILED;
}

/* --- The files --------------------------------------------------------------------------------------------------- */

static int name_files(Ctl *ctl, const ServiceSpec *spec, Installed *i) {
        if (manager_unit_directory(ctl->bus, &i->directory) < 0)
                return CTL_FAILED;
        i->unit = str_printf("tooloo-%s.service", spec->id);
        i->service_path = i->unit ? str_printf("%s/%s", i->directory, i->unit) : NULL;
        if (!i->service_path)
                return no_memory();
        i->socket = str_printf("tooloo-%s.socket", spec->id);
        i->socket_path = i->socket ? str_printf("%s/%s", i->directory, i->socket) : NULL;
        return i->socket_path ? CTL_OK : no_memory();
}

/* A file that is no service (without a port, say) the registry does not know of. */
static int refuse_existing(const Installed *i) {
        const char *const paths[] = { i->service_path, i->socket_path };
        struct stat st;

        for (size_t n = 0; n < ELEMENTSOF(paths); n++)
                if (lstat(paths[n], &st) >= 0) {
                        log_error("%s is there already: take another id, or delete the file", paths[n]);
                        return CTL_FAILED;
                }
        return CTL_OK;
}

static int write_unit(const char *path, const char *text) {
        size_t size = strlen(text);
        int r;

        r = size > UNIT_FILE_MAX ? -EFBIG : write_file_atomic(path, text, size, 0644);
        if (r < 0) {
                (void) log_errno(r, "cannot write %s", path);
                return CTL_FAILED;
        }
        return CTL_OK;
}

static int write_files(Ctl *ctl, const ServiceSpec *spec, const Installed *i) {
        _cleanup_(freep) char *service = NULL, *socket = NULL;
        int r, status = CTL_OK;

        if (service_spec_format(spec, &service, &socket) < 0)
                return no_memory();
        r = mkdir_parents(i->directory, 0755);
        if (r < 0) {
                (void) log_errno(r, "cannot make %s", i->directory);
                return CTL_FAILED;
        }
        if (socket)
                status = write_unit(i->socket_path, socket);
        return status != CTL_OK ? status : write_unit(i->service_path, service);
}

/* As if nothing had been asked for. What goes wrong with that systemd has said for the first time already. */
static void take_back(Ctl *ctl, const ServiceSpec *spec, const Installed *i, bool written) {
        char *units[] = { i->unit, spec->socket ? i->socket : NULL, NULL };

        if (written)
                (void) manager_disable(ctl->bus, units);
        (void) unlink(i->service_path);
        (void) unlink(i->socket_path);
        if (written)
                (void) bus_reload_unit_files(ctl->bus);
}

int install_units(Ctl *ctl, const ServiceSpec *spec, Installed *ret) {
        _cleanup_(installed_done) Installed i = {};
        bool written = false;
        int status;

        status = name_files(ctl, spec, &i);
        if (status == CTL_OK)
                status = refuse_existing(&i);
        if (status != CTL_OK)
                return status;
        status = write_files(ctl, spec, &i);
        if (status == CTL_OK) {
                char *units[] = { i.unit, spec->socket ? i.socket : NULL, NULL };

                written = true;
                if (manager_enable(ctl->bus, units) < 0 || bus_reload_unit_files(ctl->bus) < 0)
                        status = CTL_FAILED;
        }
        if (status != CTL_OK) {
                take_back(ctl, spec, &i, written);
                return status;
        }
        *ret = i;
        i = (Installed) {};
        return CTL_OK;
}

/* --- The start --------------------------------------------------------------------------------------------------- */

/* What was found to answer is written down, for who asks from now on. */
static int keep_health_path(Ctl *ctl, const Installed *i, const char *health) {
        _cleanup_(unit_document_done) UnitDocument d = {};
        _cleanup_(freep) char *before = NULL, *after = NULL;
        int r;

        r = read_file(i->service_path, UNIT_FILE_MAX, &before, NULL);
        if (r >= 0)
                r = unit_document_parse(before, &d);
        if (r >= 0)
                r = unit_document_set(&d, "X-Tooloo", "HealthPath", (char *[]) { (char *) health, NULL },
                                      unit_comment("X-Tooloo", "HealthPath"));
        after = r >= 0 ? unit_document_format(&d) : NULL;
        if (r >= 0)
                r = after ? write_file_atomic(i->service_path, after, strlen(after), 0644) : -ENOMEM;
        if (r < 0) {
                (void) log_errno(r, "cannot write HealthPath=%s into %s", health, i->service_path);
                return CTL_FAILED;
        }
        return bus_reload_unit_files(ctl->bus) < 0 ? CTL_FAILED : CTL_OK;
}

static int not_healthy(Ctl *ctl, const Await *what, AwaitResult result, const char *problem) {
        if (result == AWAIT_FAILED)
                log_error("%s was added and fails: %s. Mend it and run 'toolooctl restart %s', or take it away with 'toolooctl "
                          "remove %s'", what->id, problem, what->id, what->id);
        else
                log_error("%s was added and runs, but is not healthy: %s. Mend it, or change it with 'toolooctl edit %s', or take "
                          "it away with 'toolooctl remove %s'", what->id, problem, what->id, what->id);
        await_print_journal(ctl, what);
        return CTL_FAILED;
}

/* *ret_reason is why its program ended at once, when it did; what else went wrong has its line then. */
static int run_start(Ctl *ctl, const char *socket, const char *unit, char **ret_reason) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        const UnitJob *job;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0 && socket)
                r = unit_jobs_add(jobs, UNIT_START, socket);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_START, unit);
        if (r < 0) {
                (void) log_errno(r, "cannot start %s", unit);
                return CTL_FAILED;
        }
        if (unit_jobs_wait(jobs, CTL_JOBS_TIMEOUT_USEC) < 0)
                return ctl_finish_jobs(ctl, jobs);
        for (job = jobs->first; job->next; job = job->next)
                ;
        if (!job->result || !streq(job->result, "failed") || !job->reason)
                return ctl_finish_jobs(ctl, jobs);
        *ret_reason = strdup(job->reason);
        return *ret_reason ? CTL_FAILED : no_memory();
}

int install_start(Ctl *ctl, const ServiceSpec *spec, const Installed *i, uint64_t timeout) {
        Await what = { .id = spec->id, .unit = i->unit, .port = spec->port, .health = spec->health,
                       .timeout = timeout, .since = now_realtime_usec() };
        _cleanup_(freep) char *problem = NULL;
        const char *health = NULL;
        AwaitResult result;

        if (run_start(ctl, spec->socket ? i->socket : NULL, i->unit, &problem) != CTL_OK) {
                if (problem)
                        return not_healthy(ctl, &what, AWAIT_FAILED, problem);
                await_print_journal(ctl, &what);
                return CTL_FAILED;
        }
        if (await_healthy(ctl, &what, &result, &health, &problem) < 0)
                return CTL_FAILED;
        if (result != AWAIT_HEALTHY)
                return not_healthy(ctl, &what, result, problem);
        return spec->health || spec->port == 0 ? CTL_OK : keep_health_path(ctl, i, health);
}

void install_say(const Ctl *ctl, const ServiceSpec *spec, const Installed *i) {
        if (spec->port > 0)
                ctl_say(ctl, "%s is healthy at http://127.0.0.1:%u/ (%s)", spec->id, spec->port, i->service_path);
        else
                ctl_say(ctl, "%s runs (%s)", spec->id, i->service_path);
}
