/* SPDX-License-Identifier: MIT */
#include "watchd/source.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "watchd/build.h"
#include "watchd/follow.h"
#include "watchd/publish.h"

#define KILL_AFTER (5 * USEC_PER_SEC)

struct Source {
        sd_event *event;
        WatchSet *set;
        const Options *options;
        Status *status;
        sd_event_source *kill_timer;
        char directory[PATH_MAX];
        char **skip;
        Filter filter;
        Follow *follow; /* NULL until it is started */
        Build *build;
        unsigned builds;
        uint64_t started;
        SourceStopped stopped; /* NULL while it is not to stop */
        void *userdata;
};

/* For what a person must put right: one line in the journal, and the same where systemctl status shows it. */
static int _printf_(3, 4) fail(Source *s, int error, const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        log_error("%s", message ? message : "out of memory");
        if (message)
                status_set_source(s->status, "%s", message);
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
static void add_fields(const Source *s, LogFields *fields, const char *names, const char *reason) {
        _cleanup_(freep) char *ids = names ? module_ids(names) : NULL;

        log_fields_add(fields, "TOOLOO_EVENT=%s", reason ? "build-failed" : "build-done");
        log_fields_add(fields, "TOOLOO_CHANGED=%u", s->follow->n_changed);
        log_fields_add(fields, "TOOLOO_DURATION_USEC=%" PRIu64, now_usec() - s->started);
        if (s->follow->first_changed)
                log_fields_add(fields, "TOOLOO_FILE=%s", s->follow->first_changed);
        if (ids)
                log_fields_add(fields, "TOOLOO_MODULES=%s", ids);
        if (reason)
                log_fields_add(fields, "TOOLOO_REASON=%s", reason);
}

/* The services go on with what they have. */
static void report_failure(const Source *s, const char *what, const char *names, const char *problem) {
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *text = str_printf("%s failed: %s", what, problem);

        if (!text)
                return;
        add_fields(s, &fields, names, problem);
        log_fields(LOG_ERR, (const char *const *) fields.list, "%s", text);
        status_set_source(s->status, "%s", text);
}

static void report_success(const Source *s, const char *names) {
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *text = NULL;
        uint64_t ms = (now_usec() - s->started) / USEC_PER_MSEC;

        text = str_printf("Build %u done in %" PRIu64 " ms: %s%s", s->builds, ms,
                          names ? "published " : "nothing changed", names ? names : "");
        if (!text)
                return;
        add_fields(s, &fields, names, NULL);
        log_fields(LOG_INFO, (const char *const *) fields.list, "%s", text);
        status_set_source(s->status, "%s", text);
}

static void publish_modules(Source *s) {
        const Publish what = { s->options->build, s->options->output, s->options->modules };
        _cleanup_(freep) char *names = NULL, *problem = NULL;
        int r;

        r = publish(&what, &names, &problem);
        if (r < 0)
                report_failure(s, "Publishing", names, problem ? problem : "out of memory");
        else
                report_success(s, names);
}

static void log_begin(const Source *s) {
        _cleanup_(log_fields_done) LogFields fields = {};
        const Follow *f = s->follow;

        log_fields_add(&fields, "TOOLOO_EVENT=build-started");
        log_fields_add(&fields, "TOOLOO_CHANGED=%u", f->n_changed);
        if (f->first_changed)
                log_fields_add(&fields, "TOOLOO_FILE=%s", f->first_changed);
        if (f->n_changed > 1)
                log_fields(LOG_INFO, (const char *const *) fields.list, "Build %u begins: %s and %u more changed", s->builds,
                           strna(f->first_changed), f->n_changed - 1);
        else if (f->n_changed == 1)
                log_fields(LOG_INFO, (const char *const *) fields.list, "Build %u begins: %s changed", s->builds,
                           strna(f->first_changed));
        else
                log_fields(LOG_INFO, (const char *const *) fields.list, "Build %u begins", s->builds);
}

static void on_build_done(void *userdata, const char *problem) {
        Source *s = userdata;
        int r;

        build_free(TAKE_PTR(s->build));
        follow_ended(s->follow);
        if (s->stopped) {
                SourceStopped stopped = TAKE_PTR(s->stopped);

                s->kill_timer = sd_event_source_disable_unref(s->kill_timer);
                stopped(s->userdata);
                if (s->follow->stopped)
                        return;
        } else if (problem)
                report_failure(s, "Build", NULL, problem);
        else
                publish_modules(s);
        r = follow_decide(s->follow);
        if (r < 0)
                (void) sd_event_exit(s->event, log_errno(r, "Cannot go on")); /* fails only in a loop that has ended */
}

static void report_no_build(const Source *s, const char *program, int error) {
        _cleanup_(freep) char *problem = NULL;

        problem = error == -ENOENT ? str_printf("%s: not found; install %s, then run '" BUILD_AGAIN "'", program,
                                                s->options->command ? program : "ninja-build")
                                   : str_printf("cannot run %s: %s", program, strerror(-error));
        report_failure(s, "Build", NULL, problem ? problem : "out of memory");
}

static int start_build(void *userdata) {
        Source *s = userdata;
        char *shell[] = { (char *) "/bin/sh", (char *) "-c", (char *) s->options->command, NULL };
        char *ninja[] = { (char *) "ninja", (char *) "-C", (char *) s->options->build, (char *) "modules", NULL };
        char **argv = s->options->command ? shell : ninja;
        int r;

        if (s->follow->ended > 0)
                content_renew(s->follow->content, s->follow->ended);
        follow_started(s->follow);
        s->builds++;
        s->started = now_usec();
        log_begin(s);
        r = build_start(s->event, argv, s->directory, on_build_done, s, &s->build);
        if (r < 0) {
                follow_ended(s->follow);
                report_no_build(s, argv[0], r);
                return 0;
        }
        status_set_source(s->status, "Build %u is running", s->builds);
        return 0;
}

static void on_loop(const char *path, void *userdata) {
        Source *s = userdata;
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *text = NULL;

        text = str_printf("Builds are paused for %s: each build changes it, and so calls for the next; leave it out with "
                          "TOOLOO_IGNORE=, or let the build write elsewhere", path);
        if (!text)
                return;
        log_fields_add(&fields, "TOOLOO_EVENT=build-loop");
        log_fields_add(&fields, "TOOLOO_FILE=%s", path);
        log_fields(LOG_WARNING, (const char *const *) fields.list, "%s", text);
        status_set_source(s->status, "%s", text);
}

static int enter(Source *s) {
        const Options *o = s->options;

        if (chdir(o->source) < 0)
                return fail(s, -EUCLEAN, "cannot enter the source tree %s: %s; set --source= or TOOLOO_SOURCE= to where "
                            "it is", o->source, strerror(errno));
        if (!getcwd(s->directory, sizeof(s->directory)))
                return fail(s, -EUCLEAN, "cannot name the source tree %s: %s", o->source, strerror(errno));
        return 0;
}

static int check_build_directory(Source *s) {
        const Options *o = s->options;
        _cleanup_(freep) char *ninja_file = NULL;

        if (o->command)
                return 0;
        ninja_file = str_printf("%s/build.ninja", o->build);
        if (!ninja_file)
                return -ENOMEM;
        if (access(ninja_file, R_OK) < 0)
                return fail(s, -EUCLEAN, "the build directory %s is not set up (no build.ninja); in the source tree "
                            "run: meson setup %s", o->build, o->build);
        return 0;
}

static int check_watch_paths(Source *s) {
        const Options *o = s->options;
        const char *missing = NULL;
        size_t n_missing = 0;

        STRV_FOREACH(path, o->watch)
                if (access(*path, F_OK) < 0) {
                        log_notice("%s is not there yet; it is watched once it is", *path);
                        missing = *path;
                        n_missing++;
                }
        if (n_missing == strv_length(o->watch))
                return fail(s, -EUCLEAN, "nothing to watch: there is no %s in %s; set --watch= or TOOLOO_WATCH=",
                            missing, o->source);
        return 0;
}

/* What builds write must not count as a save when it lies in the source tree. */
static int skip_directory(Source *s, const char *path) {
        _cleanup_(freep) char *real = realpath(path, NULL);
        const char *rest = real ? startswith(real, s->directory) : path;

        if (rest && *rest == '/' && real)
                rest++;
        else if (real)
                return 0; /* it lies outside, or is the source tree itself */
        return rest && *rest && *rest != '/' ? strv_extend(&s->skip, rest) : 0;
}

static int prepare_filter(Source *s) {
        _cleanup_(freep) char *staging = str_printf("%s/../staging", s->options->modules);
        int r;

        if (!staging)
                return -ENOMEM;
        r = skip_directory(s, s->options->build);
        if (r >= 0)
                r = skip_directory(s, s->options->modules);
        if (r >= 0)
                r = skip_directory(s, staging);
        s->filter = (Filter) { .roots = s->options->watch, .ignore = s->options->ignore, .skip = s->skip };
        return r;
}

static int prepare(Source *s) {
        const FollowOwner owner = { start_build, on_loop, s };
        int r;

        if (s->follow)
                return 0;
        r = prepare_filter(s);
        if (r >= 0)
                r = follow_new(s->event, s->set, &s->filter, s->options, FOLLOW_BUILD, &owner, &s->follow);
        return r < 0 ? fail(s, r, "Cannot start: %s", strerror(-r)) : 0;
}

int source_start(Source *s) {
        int r;

        r = enter(s);
        if (r >= 0)
                r = check_build_directory(s);
        if (r >= 0)
                r = check_watch_paths(s);
        if (r >= 0)
                r = prepare(s);
        if (r < 0)
                return r;
        r = follow_begin(s->follow);
        if (r < 0) {
                follow_stop(s->follow);
                return fail(s, r, "%s", watch_tree_problem(s->follow->tree));
        }
        log_info("watching %zu files in %zu directories of %s", content_size(s->follow->content),
                 watch_tree_size(s->follow->tree), s->directory);
        schedule_force(&s->follow->schedule);
        return follow_take(s->follow);
}

bool source_is_started(const Source *s) {
        return s->follow && !s->follow->stopped;
}

static int on_kill_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Source *s = userdata;

        if (s->build)
                build_kill(s->build, SIGKILL);
        return 0;
}

bool source_stop(Source *s, SourceStopped stopped, void *userdata) {
        int r = 0;

        if (s->follow)
                follow_stop(s->follow);
        if (!s->build)
                return false;
        if (s->kill_timer) /* asked for a second time */
                build_kill(s->build, SIGKILL);
        else {
                build_kill(s->build, SIGTERM);
                r = sd_event_add_time_relative(s->event, &s->kill_timer, CLOCK_MONOTONIC, KILL_AFTER, 0, on_kill_timer, s);
        }
        if (r < 0)
                (void) log_errno(r, "Cannot wait for the end of the build");
        s->stopped = stopped;
        s->userdata = userdata;
        return true;
}

/* A tree that is not wholly watched would build too little without a word. */
static int look(Source *s, int r) {
        if (r >= 0)
                return follow_take(s->follow);
        follow_stop(s->follow);
        return fail(s, r, "%s", watch_tree_problem(s->follow->tree));
}

int source_take(Source *s) {
        return source_is_started(s) ? look(s, follow_settle(s->follow)) : 0;
}

int source_ask(Source *s) {
        return source_is_started(s) ? look(s, follow_ask(s->follow, true)) : 0;
}

int source_new(sd_event *event, WatchSet *set, const Options *options, Status *status, Source **ret) {
        Source *s = calloc(1, sizeof(*s));

        if (!s)
                return log_errno(-ENOMEM, "Cannot start");
        s->event = event;
        s->set = set;
        s->options = options;
        s->status = status;
        *ret = s;
        return 0;
}

void source_free(Source *s) {
        if (s->build)
                build_free(s->build);
        sd_event_source_disable_unref(s->kill_timer);
        if (s->follow)
                follow_free(s->follow);
        (void) strv_free(s->skip);
        free(s);
}
