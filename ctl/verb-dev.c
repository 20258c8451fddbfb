/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ctl.h"
#include "dev-setting.h"
#include "shared/bus-util.h"
#include "shared/log.h"

/* Reading all unit files again takes seconds on a machine that has many and is busy. */
#define MANAGER_RELOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

static int find_paths(const Ctl *ctl, const char *given, char **ret_source, char **ret_build) {
        _cleanup_(freep) char *source = NULL, *build = NULL, *cwd = NULL;
        const char *wanted = ctl->given[OPTION_BUILD];
        int r;

        r = dev_find_tree(given, &source);
        if (r < 0 && given)
                log_error("%s is not a TooLoo source tree (%s): give the directory that has its top meson.build",
                          given, r == -ENOENT ? "no meson.build of it there" : strerror(-r));
        else if (r < 0)
                log_error("no TooLoo source tree here or above: change into one, or name it: 'toolooctl dev DIR'");
        if (r < 0)
                return r;
        if (wanted && *wanted != '/') {
                cwd = realpath(".", NULL); /* --build= need not exist yet */
                if (!cwd)
                        return log_errno(-errno, "cannot find the working directory");
                build = str_printf("%s/%s", cwd, wanted);
        } else
                build = wanted ? strdup(wanted) : str_printf("%s/build", source);
        if (!build)
                return log_errno(-ENOMEM, "cannot set up");
        *ret_source = TAKE_PTR(source);
        *ret_build = TAKE_PTR(build);
        return 0;
}

static int write_setting(const char *source, const char *build) {
        _cleanup_(freep) char *content = NULL, *path = NULL;
        int r;

        r = dev_setting_format(source, build, &content);
        if (r == -EINVAL) {
                log_error("%s cannot be watched: its path has a control character in it", source);
                return r;
        }
        if (r >= 0)
                r = dev_setting_write(content, &path);
        if (r < 0)
                return log_errno(r, "cannot write %s", path ? path : "the setting of tooloo-watchd");
        return r;
}

static int on_manager_reloaded(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);

        if (!error)
                return 0;
        log_error("systemd did not read the new setting: %s", bus_error_text(error, -EIO));
        return -EIO;
}

/* systemd reads the drop-in, and a watchd that runs with the old one starts again. */
static int apply_setting(Ctl *ctl) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(ctl->bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reload = NULL;
        int r;

        r = sd_bus_message_new_method_call(ctl->bus, &reload, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Reload");
        if (r >= 0)
                r = bus_batch_call(&batch, reload, MANAGER_RELOAD_TIMEOUT_USEC, on_manager_reloaded, NULL);
        return r < 0 ? log_errno(r, "cannot ask systemd to read the new setting") : bus_batch_wait(&batch);
}

static int restart_watchd(Ctl *ctl) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_TRY_RESTART, WATCHD_UNIT);
        if (r < 0) {
                (void) log_errno(r, "cannot restart %s", WATCHD_UNIT);
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}

static void say_what_next(const Ctl *ctl, const char *source) {
        const Service *edit = NULL;

        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];

                if (streq(strna(s->active_state), "active") && s->port > 0)
                        ctl_say(ctl, "  %-16s http://127.0.0.1:%u/", s->id, s->port);
                /* Not web: what changes there is seen best through the service that people call. */
                if (s->on_change == ON_CHANGE_RELOAD && s->settings.watch && (!edit || streq(edit->id, "web")))
                        edit = s;
        }
        ctl_say(ctl, "Watching %s. Things to try:", source);
        if (edit && edit->port > 0)
                ctl_say(ctl, "  curl http://127.0.0.1:%u/health", edit->port);
        if (edit)
                ctl_say(ctl, "  edit a file under %s/%s, save it, and ask again: see \"generation\"", source,
                        edit->settings.watch[0]);
        ctl_say(ctl, "  toolooctl status     (toolooctl stop ends it all)");
}

int verb_dev(Ctl *ctl) {
        _cleanup_(freep) char *source = NULL, *build = NULL;
        char **names = ctl->names;
        int status, changed;

        if (find_paths(ctl, names ? names[0] : NULL, &source, &build) < 0)
                return CTL_FAILED;
        ctl->names = NULL; /* from here on the whole fleet */
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status == CTL_OK) {
                changed = write_setting(source, build);
                if (changed < 0 || (changed > 0 && apply_setting(ctl) < 0))
                        status = CTL_FAILED;
                else if (changed > 0)
                        status = restart_watchd(ctl);
        }
        if (status == CTL_OK)
                status = ctl_start_fleet(ctl, true);
        if (status == CTL_OK)
                say_what_next(ctl, source);
        ctl->names = names;
        return status;
}
