/* SPDX-License-Identifier: MIT */
#include "log-command.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "command-line.h"
#include "log-priority.h"
#include "output.h"

/* A word of a shell's command; what needs no quotes has none. */
static void print_quoted(const char *s) {
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

        if (*s && !s[strspn(s, plain)]) {
                (void) fputs(s, stdout);
                return;
        }
        (void) putchar('\'');
        for (; *s; s++)
                (void) fputs(*s == '\'' ? "'\\''" : (const char[]) { *s, '\0' }, stdout);
        (void) putchar('\'');
}

/* UTC: a local time may be one that comes twice in a year. */
static void print_time(const char *option, uint64_t usec) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        char text[64];
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
                return;
        (void) printf(" --%s='%s.%06" PRIu64 " UTC'", option, text, usec % USEC_PER_SEC);
}

/* One that has instances, by a pattern: they come and go. */
static void print_units(const LogQuery *q) {
        for (size_t i = 0; i < q->n_sources; i++) {
                const LogSource *s = q->sources + i;

                (void) printf(" --user-unit=%s", s->unit);
                if (s->socket)
                        (void) printf(" --user-unit=%s", s->socket);
                if (s->has_instances)
                        (void) printf(" --user-unit='tooloo-%s@*.service'", s->id);
        }
}

static void print_priorities(unsigned priorities) {
        unsigned from = 0, to = 7;

        if (priorities == 0)
                return;
        while (!(priorities & 1u << from))
                from++;
        while (!(priorities & 1u << to))
                to--;
        (void) printf(" --priority=%s..%s", priority_to_string(from), priority_to_string(to));
}

/* Systemd 252 takes the last lines before it looks for the pattern; but from the end backwards it does not. */
static void print_lines(const Ctl *ctl) {
        if (ctl->lines == LINES_ALL && ctl->follow)
                (void) fputs(" --no-tail", stdout);
        else if (ctl->lines < LINES_DEFAULT)
                (void) printf(" --lines=%" PRIu64 "%s", ctl->lines,
                              ctl->given[OPTION_GREP] && !ctl->follow ? " --reverse" : "");
}

static bool has_own_times(const LogQuery *q) {
        for (size_t i = 1; i < q->n_sources; i++)
                if (q->sources[i].from != q->sources[0].from || q->sources[i].until != q->sources[0].until)
                        return true;
        return false;
}

int log_command_print(const Ctl *ctl, const LogQuery *q) {
        if (has_own_times(q))
                return verb_usage(ctl, "--cmd with --generation takes one service: each has times of its own");
        (void) fputs("journalctl", stdout);
        print_units(q);
        if (q->since > 0)
                print_time("since", q->since);
        if (q->until > 0)
                print_time("until", q->until);
        print_priorities(q->priorities);
        if (ctl->given[OPTION_GREP]) {
                (void) fputs(" --grep=", stdout);
                print_quoted(ctl->given[OPTION_GREP]);
        }
        print_lines(ctl);
        if (ctl->follow)
                (void) fputs(" --follow", stdout);
        if (ctl->json)
                (void) fputs(" --output=json", stdout);
        (void) putchar('\n');
        return CTL_OK;
}
