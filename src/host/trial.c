/* SPDX-License-Identifier: MIT */
#include "host/trial.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "host/generation.h"
#include "shared/log.h"

#define OUTPUT_MAX 1024

/* What the child says on stdout: "@STAGE" when it begins one, anything else is the reason of a failure. */
#define STAGE_LOAD "loading"
#define STAGE_INIT "init"
#define STAGE_FINI "fini"

struct Trial {
        pid_t pid;
        int output;
        uint64_t timeout_usec;
        bool timed_out;
        sd_event_source *child, *timer;
        TrialDone done;
        void *userdata;
};

Trial *trial_free(Trial *trial) {
        if (!trial)
                return NULL;
        sd_event_source_disable_unref(trial->timer);
        if (trial->pid > 0 && trial->child) {
                (void) kill(trial->pid, SIGKILL); /* ESRCH: it has ended, and waits to be reaped */
                sd_event_source_disable_unref(trial->child);
                (void) waitpid(trial->pid, NULL, 0);
        }
        safe_close(trial->output);
        free(trial);
        return NULL;
}

/* Splits what the child said into the last stage it began and the reason it gave. Modules may print too: the last
 * line counts. */
static void read_output(int fd, char buf[static OUTPUT_MAX], const char **ret_stage, const char **ret_reason) {
        off_t size = lseek(fd, 0, SEEK_END);
        ssize_t n = pread(fd, buf, OUTPUT_MAX - 1, size > OUTPUT_MAX - 1 ? size - (OUTPUT_MAX - 1) : 0);
        char *save = NULL;

        *ret_stage = STAGE_LOAD;
        *ret_reason = NULL;
        buf[n > 0 ? n : 0] = '\0';
        for (char *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *stage = startswith(line, "@");

                if (stage) {
                        *ret_stage = stage;
                        *ret_reason = NULL;
                } else
                        *ret_reason = line;
        }
}

static char *describe_end(const Trial *trial, const siginfo_t *si) {
        char buf[OUTPUT_MAX];
        const char *stage, *reason;

        read_output(trial->output, buf, &stage, &reason);
        if (trial->timed_out)
                return str_printf("its %s did not return within %llu ms", stage,
                                  (unsigned long long) (trial->timeout_usec / USEC_PER_MSEC));
        if (si->si_code == CLD_EXITED)
                return str_printf("%s", reason ? reason : "the trial ended without a word");
        return str_printf("its %s crashed (SIG%s)%s", stage, strna(sigabbrev_np(si->si_status)),
                          streq(stage, STAGE_LOAD) ? ": is the file complete?" : "");
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        Trial *trial = userdata;
        _cleanup_(freep) char *reason = NULL;

        trial->child = sd_event_source_disable_unref(trial->child);
        trial->timer = sd_event_source_disable_unref(trial->timer);
        if (si->si_code == CLD_EXITED && si->si_status == EXIT_SUCCESS) {
                trial->done(0, NULL, trial->userdata);
                return 0;
        }
        reason = describe_end(trial, si);
        trial->done(-ELIBBAD, reason ? reason : "out of memory", trial->userdata);
        return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        Trial *trial = userdata;

        trial->timed_out = true;
        if (kill(trial->pid, SIGKILL) < 0)
                log_warning("Cannot end a trial: %s", strerror(errno));
        return 0;
}

/* The child gets neither our sockets nor our blocked signals. A file in memory takes its words: a pipe could fill
 * up under a module that prints much. */
static int spawn_child(const char *path, const char *id, int output, pid_t *ret) {
        char *const argv[] = { (char *) "tooloo-service", (char *) "--check", (char *) path, (char *) id, NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0) {
                (void) posix_spawnattr_destroy(&attributes);
                return -r;
        }
        r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(&attributes, &all);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        return -r;
}

int trial_start(sd_event *event, const char *path, const char *id, uint64_t timeout_usec, TrialDone done,
                void *userdata, Trial **ret) {
        _cleanup_(trial_freep) Trial *trial = calloc(1, sizeof(Trial));
        int r;

        if (!trial)
                return -ENOMEM;
        trial->done = done;
        trial->userdata = userdata;
        trial->timeout_usec = timeout_usec;
        trial->output = memfd_create("trial", MFD_CLOEXEC);
        if (trial->output < 0)
                return -errno;
        r = spawn_child(path, id, trial->output, &trial->pid);
        if (r < 0)
                return r;
        r = sd_event_add_child(event, &trial->child, trial->pid, WEXITED, on_child, trial);
        if (r < 0) {
                (void) kill(trial->pid, SIGKILL);
                (void) waitpid(trial->pid, NULL, 0);
                return r;
        }
        r = sd_event_add_time_relative(event, &trial->timer, CLOCK_MONOTONIC, timeout_usec, 0, on_timeout, trial);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(trial);
        return 0;
}

_printf_(1, 2) static void say(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vdprintf(STDOUT_FILENO, format, ap); /* if nobody can be told, the exit status still says it failed */
        va_end(ap);
}

static int check_routes(const Module *module, char **ret_reason) {
        _cleanup_(route_set_unrefp) RouteSet *set = NULL;
        _cleanup_(stats_freep) Stats *stats = NULL;
        int r = stats_new(&stats);

        return r < 0 ? r : route_set_new(module->routes, module->n_routes, NULL, 0, NULL, 0, stats, &set, ret_reason);
}

int trial_main(const char *path, const char *id) {
        _cleanup_(freep) char *reason = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(generation_freep) Generation *generation = NULL;
        int r;

        /* Nobody would read the result of a child that outlives its service. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                log_debug("Cannot tie the trial to its parent: %s", strerror(errno));
        say("@%s\n", STAGE_LOAD);
        r = sd_event_new(&event);
        if (r >= 0)
                r = generation_new(event, NULL, id, 0, path, &generation, &reason);
        if (r >= 0)
                r = check_routes(generation->loaded.module, &reason);
        if (r >= 0) {
                say("@%s\n", STAGE_INIT);
                r = generation_init(generation, &reason);
        }
        if (r < 0) {
                say("%s\n", reason ? reason : strerror(-r));
                return EXIT_FAILURE;
        }
        say("@%s\n", STAGE_FINI);
        generation = generation_free(generation); /* while a crash in it is still the trial's */
        return EXIT_SUCCESS;
}
