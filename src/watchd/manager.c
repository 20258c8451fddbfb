/* SPDX-License-Identifier: MIT */
#include "watchd/manager.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "basic/signal-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "watchd/build.h"
#include "watchd/content.h"
#include "watchd/publish.h"
#include "watchd/schedule.h"
#include "watchd/watch-tree.h"

/* A switch between branches of a large tree takes seconds; a lock that is older was left behind. */
#define GIT_LOCK_MAX (10 * USEC_PER_SEC)
#define KILL_AFTER (5 * USEC_PER_SEC)

struct Manager {
        const Options *options;
        sd_event *event;
        sd_event_source *inotify, *timer, *kill_timer;
        char source[PATH_MAX];
        char **skip;
        Filter filter;
        Content *content;
        WatchTree *tree;
        Schedule schedule;
        Build *build;
        unsigned builds;
        uint64_t started;
        char *first_changed; /* of the files that led to the build; NULL when none did */
        unsigned n_changed;
        uint64_t ended; /* realtime, 0 before the end of the first build */
        bool stopping;
};

static void show_status(const char *status) {
        (void) sd_notifyf(0, "STATUS=%s", status); /* nobody may be listening */
}

/* For what a person must put right: one line in the journal, and the same where systemctl status shows it. */
static int _printf_(2, 3) fail(int error, const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        log_error("%s", message ? message : "out of memory");
        if (message)
                show_status(message);
        return error;
}

/* "a.so, b.so" -> "a b" */
static char *module_ids(const char *names) {
        char *ids = strdup(names), *to = ids;

        for (const char *from = names; ids && *from;) {
                const char *rest = startswith(from, ".so, ");

                *to++ = rest ? ' ' : *from;
                from = rest ? rest : from + 1;
        }
        if (ids)
                to[-(ptrdiff_t) strlen(".so")] = '\0';
        return ids;
}

/* What a timeline is made of. names are those of the modules that were published, and reason is why not, or not all;
 * each may be NULL. */
static void add_fields(const Manager *m, LogFields *fields, const char *names, const char *reason) {
        _cleanup_(freep) char *ids = names ? module_ids(names) : NULL;

        log_fields_add(fields, "TOOLOO_EVENT=%s", reason ? "build-failed" : "build-done");
        log_fields_add(fields, "TOOLOO_CHANGED=%u", m->n_changed);
        log_fields_add(fields, "TOOLOO_DURATION_USEC=%" PRIu64, now_usec() - m->started);
        if (m->first_changed)
                log_fields_add(fields, "TOOLOO_FILE=%s", m->first_changed);
        if (ids)
                log_fields_add(fields, "TOOLOO_MODULES=%s", ids);
        if (reason)
                log_fields_add(fields, "TOOLOO_REASON=%s", reason);
}

/* The services go on with what they have. */
static void report_failure(const Manager *m, const char *what, const char *names, const char *problem) {
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *text = str_printf("%s failed: %s", what, problem);

        if (!text)
                return;
        add_fields(m, &fields, names, problem);
        log_fields(LOG_ERR, (const char *const *) fields.list, "%s", text);
        show_status(text);
}

static void report_success(const Manager *m, const char *names) {
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *text = NULL;
        uint64_t ms = (now_usec() - m->started) / USEC_PER_MSEC;

        text = str_printf("Build %u done in %" PRIu64 " ms: %s%s", m->builds, ms,
                          names ? "published " : "nothing changed", names ? names : "");
        if (!text)
                return;
        add_fields(m, &fields, names, NULL);
        log_fields(LOG_INFO, (const char *const *) fields.list, "%s", text);
        show_status(text);
}

static void publish_modules(Manager *m) {
        const Publish what = { m->options->build, m->options->output, m->options->modules };
        _cleanup_(freep) char *names = NULL, *problem = NULL;
        int r;

        r = publish(&what, &names, &problem);
        if (r < 0)
                report_failure(m, "Publishing", names, problem ? problem : "out of memory");
        else
                report_success(m, names);
}

/* A handler that returns an error is switched off by sd-event; a watcher without one of its ears must end instead. */
static int end_on_failure(Manager *m, int r) {
        return r < 0 ? sd_event_exit(m->event, log_errno(r, "Cannot go on")) : 0;
}

static int end_watching(Manager *m, int error) {
        return sd_event_exit(m->event, fail(error, "%s", watch_tree_problem(m->tree)));
}

static int start_build(Manager *m);

/* Builds when it is time to, else sets the timer to that time. */
static int decide(Manager *m) {
        uint64_t due = m->stopping ? SCHEDULE_NEVER : schedule_due(&m->schedule);
        int r;

        if (due == SCHEDULE_NEVER)
                return sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (due <= now_usec())
                return start_build(m);
        r = sd_event_source_set_time(m->timer, due);
        return r < 0 ? r : sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static void on_build_done(void *userdata, const char *problem) {
        Manager *m = userdata;

        build_free(TAKE_PTR(m->build));
        m->ended = now_realtime_usec();
        schedule_ended(&m->schedule);
        if (m->stopping) {
                (void) sd_event_exit(m->event, 0); /* fails only in a loop that has ended */
                return;
        }
        if (problem)
                report_failure(m, "Build", NULL, problem);
        else
                publish_modules(m);
        (void) end_on_failure(m, decide(m));
}

static void report_no_build(const Manager *m, const char *program, int error) {
        _cleanup_(freep) char *problem = NULL;

        problem = error == -ENOENT ? str_printf("%s: not found; install %s, then run '" BUILD_AGAIN "'", program,
                                                m->options->command ? program : "ninja-build")
                                   : str_printf("cannot run %s: %s", program, strerror(-error));
        report_failure(m, "Build", NULL, problem ? problem : "out of memory");
}

static void note_changes(Manager *m) {
        const char *first = content_waiting(m->content, &m->n_changed);

        free(m->first_changed);
        m->first_changed = first ? strdup(first) : NULL; /* without memory one field of the journal is missing */
}

static int start_build(Manager *m) {
        char *shell[] = { (char *) "/bin/sh", (char *) "-c", (char *) m->options->command, NULL };
        char *ninja[] = { (char *) "ninja", (char *) "-C", (char *) m->options->build, (char *) "modules", NULL };
        char **argv = m->options->command ? shell : ninja;
        int r;

        if (m->ended > 0)
                content_renew(m->content, m->ended);
        note_changes(m);
        content_accept(m->content);
        schedule_started(&m->schedule);
        m->builds++;
        m->started = now_usec();
        r = build_start(m->event, argv, m->source, on_build_done, m, &m->build);
        if (r < 0) {
                schedule_ended(&m->schedule);
                report_no_build(m, argv[0], r);
                return sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        }
        (void) sd_notifyf(0, "STATUS=Build %u is running", m->builds);
        return sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
}

/* Reads what was touched and tells the schedule. All that waits in the kernel's queue was taken before: that
 * several files changed together shows only then. */
static int take_changes(Manager *m) {
        uint64_t now = now_usec();
        Changes changes;
        bool locked, ended;

        changes = content_look(m->content, m->schedule.building);
        if (changes.changed > 0)
                log_debug("%u files changed, %u wait for a build", changes.changed, changes.waiting);
        schedule_note(&m->schedule, now, &changes);
        locked = watch_tree_git_locked(m->tree, &ended);
        schedule_git(&m->schedule, now, locked, ended);
        return decide(m);
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;
        int r;

        r = watch_tree_drain(m->tree);
        if (r < 0)
                return end_watching(m, r);
        return end_on_failure(m, take_changes(m));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        return end_on_failure(m, decide(m));
}

/* SIGHUP: look at everything again, and build whether or not something changed. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;
        int r;

        r = watch_tree_scan(m->tree);
        if (r < 0)
                return end_watching(m, r);
        schedule_force(&m->schedule);
        return end_on_failure(m, take_changes(m));
}

static int on_kill_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        if (m->build)
                build_kill(m->build, SIGKILL);
        return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;

        (void) sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
        m->stopping = true;
        if (!m->build)
                return sd_event_exit(m->event, 0);
        build_kill(m->build, SIGTERM);
        if (m->kill_timer) /* asked for a second time */
                return on_kill_timer(NULL, 0, m);
        return sd_event_add_time_relative(m->event, &m->kill_timer, CLOCK_MONOTONIC, KILL_AFTER, 0, on_kill_timer, m);
}

static int enter_source(Manager *m) {
        if (chdir(m->options->source) < 0)
                return fail(-EUCLEAN, "cannot enter the source tree %s: %s; set --source= or TOOLOO_SOURCE= to where "
                            "it is", m->options->source, strerror(errno));
        if (!getcwd(m->source, sizeof(m->source)))
                return fail(-EUCLEAN, "cannot name the source tree %s: %s", m->options->source, strerror(errno));
        return 0;
}

static int check_build_directory(const Options *o) {
        _cleanup_(freep) char *ninja_file = NULL;

        if (o->command)
                return 0;
        ninja_file = str_printf("%s/build.ninja", o->build);
        if (!ninja_file)
                return -ENOMEM;
        if (access(ninja_file, R_OK) < 0)
                return fail(-EUCLEAN, "the build directory %s is not set up (no build.ninja); in the source tree "
                            "run: meson setup %s", o->build, o->build);
        return 0;
}

static int check_watch_paths(const Options *o) {
        const char *missing = NULL;
        size_t n_missing = 0;

        STRV_FOREACH(path, o->watch)
                if (access(*path, F_OK) < 0) {
                        log_notice("%s is not there yet; it is watched once it is", *path);
                        missing = *path;
                        n_missing++;
                }
        if (n_missing == strv_length(o->watch))
                return fail(-EUCLEAN, "nothing to watch: there is no %s in %s; set --watch= or TOOLOO_WATCH=",
                            missing, o->source);
        return 0;
}

/* What builds write must not count as a save when it lies in the source tree. */
static int skip_directory(Manager *m, const char *path) {
        _cleanup_(freep) char *real = realpath(path, NULL);
        const char *rest = real ? startswith(real, m->source) : path;

        if (rest && *rest == '/' && real)
                rest++;
        else if (real)
                return 0; /* it lies outside, or is the source tree itself */
        return rest && *rest && *rest != '/' ? strv_extend(&m->skip, rest) : 0;
}

static int prepare_filter(Manager *m) {
        _cleanup_(freep) char *staging = str_printf("%s/../staging", m->options->modules);
        int r;

        if (!staging)
                return -ENOMEM;
        r = skip_directory(m, m->options->build);
        if (r >= 0)
                r = skip_directory(m, m->options->modules);
        if (r >= 0)
                r = skip_directory(m, staging);
        m->filter = (Filter) { m->options->watch, m->options->ignore, m->skip };
        return r;
}

static int first_scan(Manager *m) {
        int r;

        r = watch_tree_scan(m->tree);
        if (r < 0)
                return fail(r, "%s", watch_tree_problem(m->tree));
        (void) content_look(m->content, false); /* all of it is new, and the first build takes it all */
        content_accept(m->content);
        schedule_force(&m->schedule);
        return 0;
}

static int connect_events(Manager *m) {
        int r;

        r = sd_event_add_signal(m->event, NULL, SIGTERM, on_stop, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGINT, on_stop, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGHUP, on_reload, m);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->inotify, watch_tree_fd(m->tree), EPOLLIN, on_inotify, m);
        /* A timer that is due must not start a build before the events that may change its mind were read. */
        if (r >= 0)
                r = sd_event_source_set_priority(m->inotify, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        return r < 0 ? log_errno(r, "Cannot set up the event loop") : 0;
}

static int prepare(Manager *m) {
        const Options *o = m->options;
        int r;

        r = enter_source(m);
        if (r >= 0)
                r = check_build_directory(o);
        if (r >= 0)
                r = check_watch_paths(o);
        if (r < 0)
                return r;
        r = prepare_filter(m);
        if (r >= 0)
                r = block_signals((const int[]) { SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 });
        if (r >= 0)
                r = sd_event_default(&m->event);
        if (r >= 0)
                r = content_new(o->max_files, &m->content);
        if (r >= 0)
                r = watch_tree_new(&m->filter, m->content, &m->tree);
        return r < 0 ? log_errno(r, "Cannot start") : 0;
}

int manager_new(const Options *options, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return log_errno(-ENOMEM, "Cannot start");
        m->options = options;
        m->schedule.quiet = options->quiet_ms * USEC_PER_MSEC;
        m->schedule.gather = options->gather_ms * USEC_PER_MSEC;
        m->schedule.hold = GIT_LOCK_MAX;
        r = prepare(m);
        if (r >= 0)
                r = first_scan(m);
        if (r >= 0)
                r = connect_events(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int manager_run(Manager *m) {
        int r;

        log_info("watching %zu files in %zu directories of %s", content_size(m->content), watch_tree_size(m->tree),
                 m->source);
        (void) sd_notify(0, "READY=1"); /* nobody may be listening */
        r = take_changes(m);
        if (r < 0)
                return log_errno(r, "Cannot begin");
        return sd_event_loop(m->event);
}

void manager_free(Manager *m) {
        if (m->build)
                build_free(m->build);
        sd_event_source_disable_unref(m->kill_timer);
        sd_event_source_disable_unref(m->timer);
        sd_event_source_disable_unref(m->inotify);
        if (m->tree)
                watch_tree_free(m->tree);
        if (m->content)
                content_free(m->content);
        sd_event_unref(m->event);
        (void) strv_free(m->skip);
        free(m->first_changed);
        free(m);
}
