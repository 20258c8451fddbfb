/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

#define OUTPUT_MAX 4096

/* A file in memory takes its words: a pipe could fill up. */
int program_start(char *const *arguments, Program *ret) {
        _cleanup_(closep) int output = memfd_create("output", MFD_CLOEXEC);
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int r;

        if (output < 0)
                return -errno;
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        *ret = (Program) { pid, TAKE_FD(output) };
        return 0;
}

void program_done(Program *program) {
        if (program->pid <= 0)
                return;
        (void) kill(program->pid, SIGKILL); /* it is there until it is waited for */
        (void) waitpid(program->pid, NULL, 0);
        safe_close(program->output);
        *program = (Program) {};
}

/* 1 when it has ended by then, else 0. */
static int wait_end(pid_t pid, uint64_t end) {
        _cleanup_(closep) int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        int r;

        if (fd < 0)
                return -errno;
        do {
                uint64_t now = now_usec();
                struct pollfd p = { .fd = fd, .events = POLLIN };

                r = poll(&p, 1, now < end ? (int) ((end - now) / USEC_PER_MSEC + 1) : 0);
        } while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r;
}

static int read_output(int fd, char **ret) {
        char *text = malloc(OUTPUT_MAX);
        ssize_t n;

        if (!text)
                return -ENOMEM;
        n = pread(fd, text, OUTPUT_MAX - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        *ret = text;
        return 0;
}

int program_wait(Program *program, uint64_t end, int *ret_status, char **ret_output) {
        int status, r;

        r = wait_end(program->pid, end);
        if (r > 0 && waitpid(program->pid, &status, 0) < 0)
                r = -errno;
        if (r <= 0) {
                program_done(program);
                return r < 0 ? r : -ETIMEDOUT;
        }
        program->pid = 0;
        r = read_output(program->output, ret_output);
        safe_close(program->output);
        if (r >= 0)
                *ret_status = status;
        return r;
}
