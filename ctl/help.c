/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "config.h"
#include "ctl.h"

/* Both of 80 columns, as a terminal has them at the least. */

static void print_verbs(void) {
        (void) printf(
                "Usage: toolooctl VERB [SERVICE...] [OPTION...]\n"
                "\n"
                "Controls the TooLoo services of this user, through systemd. Without a SERVICE it\n"
                "means all that belong to tooloo.target, the control plane too. A SERVICE is an\n"
                "ID as in 'toolooctl list'; the names of its units, tooloo-ID.service and\n"
                "tooloo-ID.socket, are taken too.\n"
                "\n"
                "Verbs:\n"
                "  start [SERVICE...]     start, and wait until it serves; takes a crash loop's\n"
                "                         limit off first\n"
                "  stop [SERVICE...]      stop; the port is free afterwards. Without a name:\n"
                "                         watching stops, too\n"
                "  restart [SERVICE...]   restart; connections wait meanwhile. Without a name:\n"
                "                         those that run\n"
                "  reload [SERVICE...]    load the module from disk; connections stay open\n"
                "  reload --changed       reload whatever is not what lies on disk\n"
                "                         (tooloo-reload.service runs it)\n"
                "  status [SERVICE...]    show how it is going; one SERVICE at length\n"
                "  list [SERVICE...]      show what there is: ports, routes, unit files\n"
                "  logs [SERVICE...]      show what they log and what systemd says about them,\n"
                "                         in order of time; without a name: the source watcher\n"
                "                         ('watchd'), too\n"
                "  dev [DIR]              start the fleet and rebuild and reload it as its\n"
                "                         source in DIR changes\n"
                "\n"
                "What metricsd knows; each has a --help of its own:\n"
                "  alerts [COMMAND...]    show active alerts; see, add and remove rules; silence\n"
                "  history SERVICE METRIC plot memory, cpu, responseTime or another figure\n"
                "  timeline [SERVICE...]  show what happened: restarts, reloads, alerts, ...\n"
                "  errors [SERVICE...]    show the errors they logged, counted by kind\n");
}

static void print_options(void) {
        (void) printf(
                "\n"
                "Options:\n"
                "  -q, --quiet            no output but errors\n"
                "      --json             status, list: JSON instead of a table; logs: a JSON\n"
                "                         object a line; alerts, history, timeline, errors:\n"
                "                         what metricsd answers\n"
                "  -f, --follow           logs: go on with what is logged from now on\n"
                "  -n, --lines=LINES      logs: the last LINES of them (with -f 10, else 'all');\n"
                "                         timeline, errors: so many at most\n"
                "      --since=TIME       logs, history, timeline: from then on:\n"
                "                         '2026-01-31 08:15', '2026-01-31T08:15:30Z', '08:15',\n"
                "                         'today', '-5min', '-1h30min'\n"
                "      --changed          reload: see above\n"
                "      --modules=DIR      reload --changed: watch this module directory (default\n"
                "                         " TL_MODULES_DIR ")\n"
                "      --build=DIR        dev: build here (default: build/ of the source)\n"
                "  -h, --help             show this text\n"
                "      --version          show the version\n"
                "\n"
                "Exit status: 0 done; 1 something failed, and a line on stderr says what; 2 wrong\n"
                "usage; 3 (status) a service is not active; 4 (status) or 5 (other verbs) no such\n"
                "service.\n");
}

void ctl_help(void) {
        print_verbs();
        print_options();
}
