/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* Reading all unit files again takes seconds on a machine that has many and is busy. */
#define RELOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

static int on_unit_path(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        char ***directories = userdata;
        int r;

        if (error) {
                log_error("the systemd user manager does not answer: %s", bus_error_text(error, -EIO));
                return -EHOSTDOWN;
        }
        r = sd_bus_message_enter_container(m, 'v', "as");
        return r < 0 ? r : sd_bus_message_read_strv(m, directories);
}

/* The manager's list begins with what is above a person's own files: control files, and all of the runtime directory. */
static bool is_own_directory(const char *directory) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        const char *rest = runtime && *runtime ? startswith(directory, runtime) : NULL;

        return endswith(directory, "/systemd/user") && !(rest && *rest == '/') && !startswith(directory, "/run/");
}

int manager_unit_directory(sd_bus *bus, char **ret) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(strv_freep) char **directories = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_MANAGER, "UnitPath");
        if (r >= 0)
                r = bus_batch_call(&batch, m, 0, on_unit_path, &directories);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r == -EHOSTDOWN)
                return r;
        if (r < 0)
                return log_errno(r, "cannot ask systemd where unit files lie");
        STRV_FOREACH(directory, directories)
                if (is_own_directory(*directory)) {
                        *ret = strdup(*directory);
                        return *ret ? 0 : log_errno(-ENOMEM, "cannot find the unit directory");
                }
        log_error("systemd names no directory for this user's unit files; see 'systemctl --user show --property=UnitPath'");
        return -ENOENT;
}

static int on_done(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        const char *what = userdata;

        if (!error)
                return 0;
        log_error("systemd did not %s: %s", what, bus_error_text(error, -EIO));
        return -EHOSTDOWN;
}

/* what is for the line that says that it was not done. Takes no ownership of m. */
static int call(sd_bus *bus, sd_bus_message *m, char *what) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        int r;

        r = bus_batch_call(&batch, m, RELOAD_TIMEOUT_USEC, on_done, what);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        return r < 0 && r != -EHOSTDOWN ? log_errno(r, "systemd could not be asked to %s", what) : r;
}

static int new_call(sd_bus *bus, const char *method, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(bus, ret, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method);

        return r < 0 ? log_errno(r, "cannot ask systemd") : r;
}

int manager_enable(sd_bus *bus, char *const *units) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char what[] = "enable the units";
        int r;

        r = new_call(bus, "EnableUnitFiles", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, (char **) units);
        if (r >= 0)
                r = sd_bus_message_append(m, "bb", false, true); /* not for this boot alone; in place of old links */
        return r < 0 ? log_errno(r, "cannot ask systemd") : call(bus, m, what);
}

int manager_disable(sd_bus *bus, char *const *units) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char what[] = "disable the units";
        int r;

        r = new_call(bus, "DisableUnitFiles", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, (char **) units);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", false);
        return r < 0 ? log_errno(r, "cannot ask systemd") : call(bus, m, what);
}

int manager_run(Ctl *ctl, UnitVerb verb, const char *const units[], size_t n) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (units[i])
                        r = unit_jobs_add(jobs, verb, units[i]);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd for a job");
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}
