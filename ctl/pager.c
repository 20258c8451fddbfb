/* SPDX-License-Identifier: MIT */
#include "pager.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

#include "terminal.h"

#define LESS_OPTIONS "FRSXMK"

static pid_t pager; /* 0 for none */

static bool is_set(const char *s) {
        return s && *s;
}

/* The command, for a shell; NULL for none wanted, "" where nobody says which. */
static const char *chosen(void) {
        const char *command = getenv("SYSTEMD_PAGER");

        if (!command)
                command = getenv("PAGER");
        if (!command)
                return "";
        return !*command || streq(command, "cat") ? NULL : command;
}

/* Root's shell behind "!" of less is not for whoever may run this as root alone; as systemd decides it. */
static bool is_to_be_secure(void) {
        const char *said = getenv("SYSTEMD_PAGERSECURE");
        uid_t owner;

        if (said)
                return !streq(said, "0") && !streq(said, "no") && !streq(said, "false");
        return sd_pid_get_owner_uid(0, &owner) >= 0 && owner != geteuid();
}

static void set_environment(void) {
        const char *less = getenv("SYSTEMD_LESS"), *charset = getenv("SYSTEMD_LESSCHARSET");

        (void) setenv("LESS", less ? less : LESS_OPTIONS, 1);
        if (is_set(charset))
                (void) setenv("LESSCHARSET", charset, 1);
        else if (terminal_utf8())
                (void) setenv("LESSCHARSET", "utf-8", 1);
        if (is_to_be_secure())
                (void) setenv("LESSSECURE", "1", 1);
}

/* more obeys no LESSSECURE, and a command of the person's own may not either. */
_Noreturn static void become_pager(const char *command) {
        static const char *const others[] = { "pager", "less", "more" };
        bool secure = is_to_be_secure();

        set_environment();
        if (secure && !getenv("SYSTEMD_PAGERSECURE"))
                command = ""; /* nobody has said that the command knows what LESSSECURE is */
        if (*command)
                (void) execl("/bin/sh", "sh", "-c", command, (char *) NULL);
        for (size_t i = secure; i < ELEMENTSOF(others) - secure; i++)
                (void) execlp(others[i], others[i], (char *) NULL);
        (void) execlp("cat", "cat", (char *) NULL);
        _exit(EXIT_FAILURE);
}

static int begin(const char *command) {
        int ends[2], terminal;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        (void) fflush(stdout);
        terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        pager = terminal < 0 ? -1 : fork();
        if (pager == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
                if (dup2(ends[0], STDIN_FILENO) >= 0)
                        become_pager(command);
                _exit(EXIT_FAILURE);
        }
        if (pager > 0) {
                terminal_is(terminal);
                (void) dup2(ends[1], STDOUT_FILENO);
        }
        safe_close(ends[0]);
        safe_close(ends[1]);
        return pager > 0 ? 0 : -EAGAIN;
}

void pager_open(const Ctl *ctl) {
        const char *command = chosen(), *term = getenv("TERM");

        if (pager > 0 || ctl->quiet || ctl->given[OPTION_NO_PAGER] || !isatty(STDOUT_FILENO) || !command || !is_set(term) ||
            streq(term, "dumb"))
                return;
        if (begin(command) < 0) {
                pager = 0;
                return;
        }
        /* A person who has read enough and leaves is no crash. */
        (void) signal(SIGPIPE, SIG_IGN);
}

void pager_close(void) {
        if (pager <= 0)
                return;
        (void) fclose(stdout);
        (void) kill(pager, SIGCONT);
        while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
                ;
        pager = 0;
}
