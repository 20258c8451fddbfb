/* SPDX-License-Identifier: MIT */
#include "action.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "config.h"
#include "ctl/text.h"

#define PROGRAM TL_BIN_DIR "/toolooctl"
#define OUTPUT_MAX 4096 /* the end of it is kept */

struct Action {
        sd_event_source *child, *output;
        int fd;
        char text[OUTPUT_MAX];
        size_t size;
        action_done_t done;
        void *userdata;
};

static void keep(Action *a, const char *data, size_t n) {
        size_t room = sizeof(a->text) - a->size;

        if (n > room) {
                size_t drop = MIN(n - room, a->size);

                (void) memmove(a->text, a->text + drop, a->size - drop);
                a->size -= drop;
        }
        (void) memcpy(a->text + a->size, data, n);
        a->size += n;
}

/* False when nothing comes any more. */
static bool drain(Action *a) {
        char data[OUTPUT_MAX];
        ssize_t n;

        if (a->fd < 0)
                return false;
        while ((n = read(a->fd, data, sizeof(data))) > 0)
                keep(a, data, (size_t) n);
        return n < 0 && errno == EAGAIN;
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Action *a = userdata;

        if (!drain(a))
                a->output = sd_event_source_disable_unref(a->output);
        return 0;
}

/* A copy of the last line. */
static char *last_line(const Action *a) {
        size_t end = a->size, begin;

        while (end > 0 && a->text[end - 1] == '\n')
                end--;
        for (begin = end; begin > 0 && a->text[begin - 1] != '\n'; begin--)
                ;
        return text_clean(a->text + begin, end - begin);
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        _cleanup_(freep) char *last = NULL;
        Action *a = userdata;

        (void) drain(a);
        last = last_line(a);
        a->done(info->si_code == CLD_EXITED ? info->si_status : -1, last ? last : "", a->userdata);
        return 0;
}

/* The signals that the event loop reads are blocked here, which a child would keep. */
static int spawn(const char *const *arguments, int output, pid_t *ret) {
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        r = posix_spawn_file_actions_init(&files);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r != 0) {
                (void) posix_spawn_file_actions_destroy(&files);
                return -r;
        }
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setsigdefault(&attributes, &all);
        if (output >= 0) {
                r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
                r = r ? r : posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
                r = r ? r : posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
        }
        r = r ? r : posix_spawn(ret, PROGRAM, &files, &attributes, (char *const *) arguments, environ);
        (void) posix_spawnattr_destroy(&attributes);
        (void) posix_spawn_file_actions_destroy(&files);
        return -r;
}

Action *action_free(Action *a) {
        if (!a)
                return NULL;
        (void) sd_event_source_disable_unref(a->child);
        (void) sd_event_source_disable_unref(a->output);
        safe_close(a->fd);
        free(a);
        return NULL;
}

int action_start(sd_event *event, const char *const *arguments, bool terminal, action_done_t done, void *userdata,
                 Action **ret) {
        _cleanup_(action_freep) Action *a = calloc(1, sizeof(Action));
        int ends[2] = { -EBADF, -EBADF }, r;
        pid_t pid = 0;

        if (!a)
                return -ENOMEM;
        a->fd = -EBADF;
        a->done = done;
        a->userdata = userdata;
        if (!terminal && pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        a->fd = ends[0];
        r = spawn(arguments, ends[1], &pid);
        safe_close(ends[1]);
        if (r >= 0)
                r = sd_event_add_child(event, &a->child, pid, WEXITED, on_exit_of_child, a);
        if (r >= 0 && !terminal)
                r = fcntl(a->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno :
                    sd_event_add_io(event, &a->output, a->fd, EPOLLIN, on_output, a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}
