/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ctl.h"
#include "dev-setting.h"
#include "dev-view.h"
#include "journal.h"
#include "reload-changed.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

static void say_no_tree(const char *given, int error) {
        if (given)
                log_error("%s is not a TooLoo source tree (%s), and no service watches it: give the directory that has its top "
                          "meson.build, or one in the Watch= of a service", given,
                          error == -ENOENT ? "no meson.build of it there" : strerror(-error));
        else
                log_error("no TooLoo source tree here or above, and no service watches this directory: change into one, or name "
                          "it: 'toolooctl dev DIR'");
}

static int find_build(const Ctl *ctl, const char *source, char **ret) {
        const char *given = ctl->given[OPTION_BUILD];
        _cleanup_(freep) char *cwd = NULL;

        if (given && *given != '/') {
                cwd = realpath(".", NULL); /* --build= need not exist yet */
                if (!cwd)
                        return log_errno(-errno, "cannot find the working directory");
                *ret = str_printf("%s/%s", cwd, given);
        } else
                *ret = given ? strdup(given) : str_printf("%s/build", source);
        return *ret ? 0 : log_errno(-ENOMEM, "cannot set up");
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

/* --- The fleet's source tree --------------------------------------------------------------------------------------- */

static void say_what_next(const Ctl *ctl, const char *source) {
        const Service *edit = NULL;

        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];

                if (streq(strna(s->active_state), "active") && s->port > 0)
                        ctl_say(ctl, "  %-16s http://127.0.0.1:%u/", s->id, s->port);
                /* Not web: what changes there is seen best through the service that people call. */
                if (s->on_change == ON_CHANGE_RELOAD && s->settings.watch && !dev_is_own(s) &&
                    (!edit || streq(edit->id, "web")))
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

/* Where watchd builds already, for the same tree, it is asked to look again, and to forget what it has paused. */
static int ask_watchd(Ctl *ctl) {
        _cleanup_(unit_jobs_freep) UnitJobs *jobs = NULL;
        int r;

        r = unit_jobs_new(ctl->bus, &jobs);
        if (r >= 0)
                r = unit_jobs_add(jobs, UNIT_RELOAD, WATCHD_UNIT);
        if (r < 0) {
                (void) log_errno(r, "cannot ask %s for a build", WATCHD_UNIT);
                return CTL_FAILED;
        }
        return ctl_finish_jobs(ctl, jobs);
}

typedef struct UnitStates {
        char *watchd, *target;
} UnitStates;

static void unit_states_done(UnitStates *states) {
        free(states->watchd);
        free(states->target);
}

static int ask_states(const Ctl *ctl, UnitStates *states) {
        static const BusProperty watchd[] = { { SYSTEMD_UNIT, "ActiveState", "s", offsetof(UnitStates, watchd) } };
        static const BusProperty target[] = { { SYSTEMD_UNIT, "ActiveState", "s", offsetof(UnitStates, target) } };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(ctl->bus);
        _cleanup_(freep) char *watchd_path = bus_unit_path(WATCHD_UNIT), *target_path = bus_unit_path(DEV_TARGET);
        int r;

        if (!watchd_path || !target_path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, watchd_path, watchd, 1, states);
        if (r >= 0)
                r = bus_batch_unit_properties(&batch, target_path, target, 1, states);
        return r < 0 ? r : bus_batch_wait(&batch);
}

static int start_tree(Ctl *ctl, const char *source, const char *build) {
        _cleanup_(unit_states_done) UnitStates before = {};
        int changed, status = CTL_OK;

        if (ask_states(ctl, &before) < 0) {
                log_error("cannot ask systemd for the state of %s", WATCHD_UNIT);
                return CTL_FAILED;
        }
        changed = write_setting(source, build);
        if (changed < 0 || (changed > 0 && bus_reload_unit_files(ctl->bus) < 0))
                return CTL_FAILED;
        if (changed > 0)
                status = restart_watchd(ctl);
        if (status == CTL_OK)
                status = ctl_start_fleet(ctl, true);
        if (status == CTL_OK && changed == 0 && streq(strna(before.watchd), "active") && streq(strna(before.target), "active"))
                status = ask_watchd(ctl);
        return status;
}

static int dev_tree(Ctl *ctl, DevView *view, const char *source, const char *build) {
        int status;

        status = start_tree(ctl, source, build);
        if (status != CTL_OK || !view)
                return status;
        if (ctl->given[OPTION_ONCE]) {
                status = dev_view_wait_for_build(view, ctl);
                if (status == CTL_OK)
                        status = reload_changed(ctl);
        }
        if (status == CTL_OK)
                say_what_next(ctl, source);
        return status != CTL_OK || ctl->given[OPTION_ONCE] ? status : dev_view_follow(view, ctl);
}

/* --- Services of one's own ----------------------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *directory) {
        const char *rest = startswith(path, directory);

        return rest && (*rest == '/' || *rest == '\0' || streq(directory, "/"));
}

/* A directory above what is watched stands for it, and one inside it. */
static bool watches(const Service *s, const char *directory) {
        if (service_is_masked(s) || s->on_change == ON_CHANGE_NONE)
                return false;
        STRV_FOREACH(path, s->settings.watch) {
                _cleanup_(freep) char *real = **path == '/' ? realpath(*path, NULL) : NULL;

                if (real && (is_below(real, directory) || is_below(directory, real)))
                        return true;
        }
        return false;
}

/* Leaves those in selected that watch the directory; how many there are. */
static size_t select_watching(Ctl *ctl, const char *directory) {
        size_t n = 0;

        for (size_t i = 0; i < ctl->n_selected; i++)
                if (watches(ctl->selected[i], directory))
                        ctl->selected[n++] = ctl->selected[i];
        return ctl->n_selected = n;
}

/* Nothing has to be built, so once they run there is nothing to wait for. */
static int dev_own(Ctl *ctl, DevView *view, const char *directory) {
        int status;

        status = ctl_start_selected(ctl, WATCHD_UNIT);
        if (status == CTL_OK)
                status = ask_watchd(ctl);
        if (status != CTL_OK)
                return status;
        for (size_t i = 0; i < ctl->n_selected; i++)
                if (ctl->selected[i]->port > 0)
                        ctl_say(ctl, "  %-16s http://127.0.0.1:%u/", ctl->selected[i]->id, ctl->selected[i]->port);
        ctl_say(ctl, "Watching %s for them. Edit a file and save it; 'toolooctl stop' ends it all.", directory);
        return !view || ctl->given[OPTION_ONCE] ? CTL_OK : dev_view_follow(view, ctl);
}

/* --- The verb ------------------------------------------------------------------------------------------------------ */

/* Without a journal there is nothing to show, but all the rest. */
static int open_view(Ctl *ctl, DevView **ret) {
        int r;

        r = dev_view_new(ctl, ret);
        if (r == -ENODATA) {
                _cleanup_(freep) char *advice = journal_advice();

                log_warning("nothing will be shown here, for %s", strna(advice));
                return CTL_OK;
        }
        if (r < 0)
                (void) log_errno(r, "cannot follow the journal");
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int run(Ctl *ctl, const char *given) {
        _cleanup_(freep) char *source = NULL, *build = NULL, *directory = realpath(given ? given : ".", NULL);
        _cleanup_(dev_view_freep) DevView *view = NULL;
        bool own = dev_find_tree(given, &source) < 0;
        int status;

        if (!own && find_build(ctl, source, &build) < 0)
                return CTL_FAILED;
        if (own && !directory) {
                say_no_tree(given, -errno);
                return CTL_FAILED;
        }
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status == CTL_OK && own && select_watching(ctl, directory) == 0) {
                say_no_tree(given, -ENOENT);
                return CTL_FAILED;
        }
        if (status == CTL_OK)
                status = open_view(ctl, &view);
        if (status != CTL_OK)
                return status;
        return own ? dev_own(ctl, view, directory) : dev_tree(ctl, view, source, build);
}

int verb_dev(Ctl *ctl) {
        char **names = ctl->names;
        int status;

        ctl->names = NULL; /* what is named is a directory: of services it is the whole fleet */
        status = run(ctl, names ? names[0] : NULL);
        ctl->names = names;
        return status;
}
