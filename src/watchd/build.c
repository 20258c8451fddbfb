/* SPDX-License-Identifier: MIT */
#include "watchd/build.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "watchd/diagnose.h"

#define LINE_MAX_BYTES 4096
/* A build gone wild must not push everything else out of the journal. */
#define FORWARD_MAX (64 * 1024)

struct Build {
        pid_t pid; /* 0 once it has ended; also the process group's */
        bool killed;
        int output;
        sd_event_source *output_source, *child_source;
        const char *source;
        BuildDone done;
        void *userdata;
        Diagnosis diagnosis;
        size_t forwarded;
        size_t length; /* of the line that is not complete yet */
        char line[LINE_MAX_BYTES];
};

static void take_line(Build *b) {
        b->line[b->length] = '\0';
        b->length = 0;
        line_clean(b->line);
        if (diagnose_line(&b->diagnosis, b->line) < 0)
                log_warning("out of memory while reading what the build says");
        if (!*b->line || b->forwarded > FORWARD_MAX)
                return;
        b->forwarded += strlen(b->line);
        log_info("%s", b->forwarded > FORWARD_MAX ? "(the build says more than is kept here)" : b->line);
}

static void take_output(Build *b, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                if (data[i] == '\n')
                        take_line(b);
                else if (b->length < sizeof(b->line) - 1) /* of a longer line the beginning tells enough */
                        b->line[b->length++] = data[i] ? data[i] : ' ';
        }
}

/* True when the other end is closed. */
static bool read_output(Build *b) {
        char buffer[LINE_MAX_BYTES];

        for (;;) {
                ssize_t n = read(b->output, buffer, sizeof(buffer));

                if (n > 0)
                        take_output(b, buffer, (size_t) n);
                else if (n == 0 || errno != EINTR)
                        return n == 0 || errno != EAGAIN;
        }
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Build *b = userdata;

        if (read_output(b))
                b->output_source = sd_event_source_disable_unref(b->output_source);
        return 0;
}

static char *describe_failure(const Build *b, const siginfo_t *info) {
        const char *line = b->diagnosis.line ? line_shorten(b->diagnosis.line, b->source) : NULL;

        if (info->si_code != CLD_EXITED)
                return str_printf("the build command was killed by SIG%s", sigabbrev_np(info->si_status));
        if (!line)
                return str_printf("the build command exited with status %d and said nothing", info->si_status);
        if (b->diagnosis.rank == 4)
                return str_printf("disk full: %s; free some space, then run '" BUILD_AGAIN "'", line);
        if (endswith(line, ": not found") || endswith(line, ": command not found"))
                return str_printf("%s; install it, then run '" BUILD_AGAIN "'", line);
        return strdup(line);
}

/* Not the end of the output but of the command ends a build: a compiler cache that it left running holds the pipe
 * open. */
static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        _cleanup_(freep) char *problem = NULL;
        Build *b = userdata;
        bool failed = info->si_code != CLD_EXITED || info->si_status != 0;

        /* What it started may ignore the signal that it obeyed. It is not reaped yet, so the number is still its
         * own. */
        if (b->killed)
                build_kill(b, SIGKILL);
        b->pid = 0;
        (void) read_output(b); /* what it wrote last; whether there is more to come does not matter now */
        if (b->length > 0)
                take_line(b);
        if (failed)
                problem = describe_failure(b, info);
        b->done(b->userdata, !failed ? NULL : problem ? problem : "out of memory");
        return 0;
}

/* Ours, without what systemd tells this process alone, and with messages in the language that diagnose.c reads. */
static char **build_environment(void) {
        static const char *const drop[] = {
                "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "JOURNAL_STREAM=", "LC_ALL=",
        };
        size_t n = 0;
        char **list;

        while (environ[n])
                n++;
        list = calloc(n + 2, sizeof(char *));
        if (!list)
                return NULL;
        n = 0;
        for (char **e = environ; *e; e++) {
                bool keep = true;

                for (size_t i = 0; i < ELEMENTSOF(drop); i++)
                        keep = keep && !startswith(*e, drop[i]);
                if (keep)
                        list[n++] = *e;
        }
        list[n] = (char *) "LC_ALL=C.UTF-8";
        return list;
}

static int set_actions(posix_spawn_file_actions_t *actions, int output) {
        int r;

        r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
        return -r;
}

/* The event loop has blocked signals that a compiler must get, so the child begins with none blocked. */
static int set_attributes(posix_spawnattr_t *attributes) {
        sigset_t none, standard;
        int r;

        (void) sigemptyset(&none); /* cannot fail, nor can the next two */
        (void) sigemptyset(&standard);
        (void) sigaddset(&standard, SIGPIPE);
        r = posix_spawnattr_setflags(attributes,
                                     POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawnattr_setpgroup(attributes, 0);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &standard);
        return -r;
}

static int spawn(char *const argv[], int output, pid_t *ret) {
        _cleanup_(freep) char **environment = build_environment();
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        pid_t pid;
        int r;

        if (!environment)
                return -ENOMEM;
        r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        r = -posix_spawnattr_init(&attributes);
        if (r < 0) {
                (void) posix_spawn_file_actions_destroy(&actions);
                return r;
        }
        r = set_actions(&actions, output);
        if (r == 0)
                r = set_attributes(&attributes);
        if (r == 0)
                r = -posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environment);
        (void) posix_spawnattr_destroy(&attributes);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r == 0)
                *ret = pid;
        return r;
}

int build_start(sd_event *event, char *const argv[], const char *source, BuildDone done, void *userdata,
                Build **ret) {
        _cleanup_(build_freep) Build *b = calloc(1, sizeof(*b));
        _cleanup_(closep) int writer = -EBADF;
        int ends[2], r;

        if (!b)
                return -ENOMEM;
        b->output = -EBADF;
        b->source = source;
        b->done = done;
        b->userdata = userdata;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        b->output = ends[0];
        writer = ends[1];
        /* Ours alone: the flag belongs to this end, and compilers expect the other one to block. */
        if (fcntl(b->output, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = spawn(argv, writer, &b->pid);
        if (r < 0)
                return r;
        r = sd_event_add_child(event, &b->child_source, b->pid, WEXITED, on_child, b);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &b->output_source, b->output, EPOLLIN, on_output, b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

void build_kill(Build *b, int signal_number) {
        if (b->pid <= 0)
                return;
        b->killed = true;
        (void) kill(-b->pid, signal_number); /* ESRCH: all of them ended just now, which is what we want */
}

void build_free(Build *b) {
        build_kill(b, SIGKILL);
        while (b->pid > 0 && waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        sd_event_source_disable_unref(b->child_source);
        sd_event_source_disable_unref(b->output_source);
        safe_close(b->output);
        diagnosis_done(&b->diagnosis);
        free(b);
}
