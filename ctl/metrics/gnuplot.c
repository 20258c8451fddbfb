/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "plot.h"

#define DRAWING_MAX ((size_t) 1024 * 1024)

/* In memory and not through a pipe: then nobody waits for anybody who waits, whatever the script's size. */
static int script_file(const char *script) {
        _cleanup_(closep) int fd = memfd_create("plot", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        r = write_all(fd, script, strlen(script));
        if (r < 0)
                return r;
        return lseek(fd, 0, SEEK_SET) < 0 ? -errno : TAKE_FD(fd);
}

static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int in, int out) {
        sigset_t usual;
        int r;

        (void) sigemptyset(&usual);
        (void) sigaddset(&usual, SIGPIPE); /* ignored here */
        r = posix_spawnattr_setsigdefault(attributes, &usual);
        if (r == 0)
                r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
        if (r == 0) /* what it has to say is about a script that nobody wrote */
                r = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        return -r;
}

/* No shell, none of the user's settings. */
static int spawn(int in, int out, pid_t *ret) {
        char *const argv[] = { (char *) "gnuplot", (char *) "--default-settings", (char *) "-", NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int r;

        r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        r = -posix_spawnattr_init(&attributes);
        if (r == 0) {
                r = set_up(&actions, &attributes, in, out);
                if (r == 0)
                        r = -posix_spawnp(ret, argv[0], &actions, &attributes, argv, environ);
                (void) posix_spawnattr_destroy(&attributes);
        }
        (void) posix_spawn_file_actions_destroy(&actions);
        return r;
}

/* To the end of the pipe. NULL when it cannot be read, and without memory. */
static char *read_drawing(int fd) {
        _cleanup_(freep) char *text = malloc(DRAWING_MAX + 1);
        size_t size = 0;
        ssize_t n;

        if (!text)
                return NULL;
        do {
                n = read(fd, text + size, DRAWING_MAX - size);
                if (n < 0 && errno != EINTR)
                        return NULL;
                size += n > 0 ? (size_t) n : 0;
        } while (n != 0 && size < DRAWING_MAX);
        text[size] = '\0';
        return TAKE_PTR(text);
}

/* posix_spawn() may tell only so that there was no such program; under valgrind it does. */
#define EXIT_NOT_FOUND 127

static int wait_for(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status))
                return -EIO;
        return WEXITSTATUS(status) == 0 ? 0 : WEXITSTATUS(status) == EXIT_NOT_FOUND ? -ENOENT : -EIO;
}

int plot_draw(const char *script, char **ret) {
        _cleanup_(closep) int in = script_file(script), out = -EBADF, to = -EBADF;
        _cleanup_(freep) char *text = NULL;
        int pipes[2], r, ended;
        char *drawing;
        pid_t pid = -1;

        if (in < 0)
                return in;
        if (pipe2(pipes, O_CLOEXEC) < 0)
                return -errno;
        out = pipes[0];
        to = pipes[1];
        r = spawn(in, to, &pid);
        safe_close(TAKE_FD(to)); /* else the end of the pipe never comes */
        if (r < 0)
                return r;
        text = read_drawing(out);
        safe_close(TAKE_FD(out)); /* so that it ends, if it has more to say */
        ended = wait_for(pid);
        if (!text || ended < 0)
                return ended < 0 ? ended : -EIO;
        drawing = strdup(text + strspn(text, "\f\n")); /* a new plot begins a page */
        if (!drawing)
                return -ENOMEM;
        *ret = drawing;
        return 0;
}
