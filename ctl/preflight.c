/* SPDX-License-Identifier: MIT */
#include "preflight.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "basic/string-util.h"

/* Loading alone takes some milliseconds. */
#define LIMIT_MSEC 10000

/* What it has to say is the caller's one line to tell. */
static int spawn(const char *program, pid_t *ret) {
        char *const arguments[] = { (char *) program, (char *) "--version", NULL };
        posix_spawn_file_actions_t actions;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && r == 0; fd++)
                r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawn(ret, program, &actions, NULL, arguments, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int wait_for(pid_t pid, bool *ret_late, int *ret_status) {
        _cleanup_(closep) int fd = pidfd_open(pid, 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int n;

        if (fd < 0)
                return -errno;
        while ((n = poll(&p, 1, LIMIT_MSEC)) < 0 && errno == EINTR)
                ;
        *ret_late = n == 0;
        if (n <= 0 && kill(pid, SIGKILL) < 0)
                return -errno;
        while (waitpid(pid, ret_status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int preflight(const char *program, char **ret_why) {
        bool late = false;
        int status = 0, r;
        pid_t pid = 0;
        char *why;

        r = spawn(program, &pid);
        if (r < 0)
                why = str_printf("it cannot be started: %s", strerror(-r));
        else {
                r = wait_for(pid, &late, &status);
                if (r < 0)
                        return r;
                if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                        return 1;
                if (late)
                        why = str_printf("--version does not end");
                else if (WIFSIGNALED(status))
                        why = str_printf("--version ends by SIG%s", strna(sigabbrev_np(WTERMSIG(status))));
                else
                        why = str_printf("--version ends with exit status %d", WEXITSTATUS(status));
        }
        if (!why)
                return -ENOMEM;
        *ret_why = why;
        return 0;
}
