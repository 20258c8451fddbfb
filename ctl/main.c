/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "ctl.h"
#include "shared/log.h"
#include "since.h"

/* So that what is shown is written in one piece at the end, and a failed write has one reason to tell. */
static char output[1024 * 1024];

enum { NO_NAMES = 0, ONE_NAME = 1, ANY_NAMES = -1 };

static const struct {
        const char *name;
        int (*run)(Ctl *ctl);
        int max_names;
        const char *options; /* letters of those that belong to this verb */
} verbs[] = {
        { "start", verb_start, ANY_NAMES, "" },
        { "stop", verb_stop, ANY_NAMES, "" },
        { "restart", verb_restart, ANY_NAMES, "" },
        { "reload", verb_reload, ANY_NAMES, "cm" },
        { "status", verb_status, ANY_NAMES, "j" },
        { "list", verb_list, ANY_NAMES, "j" },
        { "logs", verb_logs, ANY_NAMES, "jfns" },
        { "dev", verb_dev, ONE_NAME, "b" },
};

static const struct option options[] = {
        { "quiet", no_argument, NULL, 'q' },
        { "json", no_argument, NULL, 'j' },
        { "follow", no_argument, NULL, 'f' },
        { "lines", required_argument, NULL, 'n' },
        { "since", required_argument, NULL, 's' },
        { "changed", no_argument, NULL, 'c' },
        { "modules", required_argument, NULL, 'm' },
        { "build", required_argument, NULL, 'b' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        {},
};

static void help(void) {
        (void) printf(
                "Usage: toolooctl VERB [SERVICE...] [OPTION...]\n"
                "\n"
                "Controls the TooLoo services of this user, through systemd. Without a SERVICE it means all that belong\n"
                "to tooloo.target, the control plane too. A SERVICE is an ID as in 'toolooctl list'; the names of its\n"
                "units, tooloo-ID.service and tooloo-ID.socket, are taken too.\n"
                "\n"
                "Verbs:\n"
                "  start [SERVICE...]     start, and wait until it serves; takes a crash loop's limit off first\n"
                "  stop [SERVICE...]      stop; the port is free afterwards. Without a name: watching stops, too\n"
                "  restart [SERVICE...]   restart; connections wait meanwhile. Without a name: those that run\n"
                "  reload [SERVICE...]    load the module from disk; connections stay open\n"
                "  reload --changed       reload whatever is not what lies on disk (tooloo-reload.service runs it)\n"
                "  status [SERVICE...]    show how it is going; one SERVICE at length\n"
                "  list [SERVICE...]      show what there is: ports, routes, unit files\n"
                "  logs [SERVICE...]      show what they log and what systemd says about them, in order of time;\n"
                "                         without a name: the source watcher ('watchd'), too\n"
                "  dev [DIR]              start the fleet and rebuild and reload it as its source in DIR changes\n"
                "\n"
                "Options:\n"
                "  -q, --quiet            no output but errors\n"
                "      --json             status, list: JSON instead of a table; logs: a JSON object a line\n"
                "  -f, --follow           logs: go on with what is logged from now on\n"
                "  -n, --lines=LINES      logs: the last LINES of them (with -f 10, else 'all')\n"
                "      --since=TIME       logs: from then on: '2026-01-31 08:15', '2026-01-31T08:15:30Z', '08:15',\n"
                "                         'today', '-5min', '-1h30min'\n"
                "      --changed          reload: see above\n"
                "      --modules=DIR      reload --changed: watch this module directory\n"
                "                         (default " TL_MODULES_DIR ")\n"
                "      --build=DIR        dev: build here (default: build/ of the source)\n"
                "  -h, --help             show this text\n"
                "      --version          show the version\n"
                "\n"
                "Exit status: 0 done; 1 something failed, and a line on stderr says what; 2 wrong usage;\n"
                "3 (status) a service is not active; 4 (status) or 5 (other verbs) no such service.\n");
}

static int usage(const char *format, ...) _printf_(1, 2);
static int usage(const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        log_error("%s; see 'toolooctl --help'", strna(message));
        return CTL_USAGE;
}

static int finish_stdout(const Ctl *ctl, int status) {
        int r = ctl->output_error;

        errno = 0;
        if (r == -EPIPE || (r == 0 && fflush(stdout) == 0 && !ferror(stdout)))
                return status;
        (void) log_errno(r < 0 ? r : errno > 0 ? -errno : -EIO, "cannot write the output");
        return CTL_FAILED;
}

static const char *option_name(char letter) {
        for (const struct option *o = options; o->name; o++)
                if (o->val == letter)
                        return o->name;
        return "?";
}

static int run_verb(Ctl *ctl, int argc, char **argv, const char *given) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                size_t stray;

                if (!streq(verbs[i].name, argv[0]))
                        continue;
                stray = strspn(given, verbs[i].options);
                if (given[stray])
                        return usage("--%s does not go with '%s'", option_name(given[stray]), verbs[i].name);
                if (verbs[i].max_names != ANY_NAMES && argc - 1 > verbs[i].max_names)
                        return usage("'%s' takes one name at most", verbs[i].name);
                if (ctl->changed && argc > 1)
                        return usage("reload --changed takes no names");
                if (ctl->modules && !ctl->changed)
                        return usage("--modules goes with reload --changed only");
                ctl->names = argc > 1 ? argv + 1 : NULL;
                return finish_stdout(ctl, verbs[i].run(ctl));
        }
        return usage("unknown verb '%s'", argv[0]);
}

/* CTL_OK, or CTL_USAGE with a line. */
static int parse_value(Ctl *ctl, int letter, const char *value) {
        unsigned long lines;

        switch (letter) {
        case 'm':
                ctl->modules = value;
                break;
        case 'b':
                ctl->build = value;
                break;
        case 'n':
                if (streq(value, "all"))
                        ctl->lines = LINES_ALL;
                else if (parse_uint(value, 0, LINES_MAX, &lines) >= 0)
                        ctl->lines = lines;
                else
                        return usage("--lines takes a number from 0 to %u or 'all', not '%s'", LINES_MAX, value);
                break;
        case 's':
                if (parse_since(value, now_realtime_usec(), &ctl->since) < 0)
                        return usage("--since does not understand '%s': give a time such as '2026-01-31 08:15', "
                                     "'08:15', 'today' or '-5min'", value);
                break;
        }
        return CTL_OK;
}

static int parse(Ctl *ctl, int argc, char **argv) {
        char given[ELEMENTSOF(options)] = "";
        int c;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":qhfn:", options, NULL)) >= 0)
                switch (c) {
                case 'q':
                        ctl->quiet = true;
                        break;
                case 'h':
                        help();
                        return finish_stdout(ctl, CTL_OK);
                case 'v':
                        (void) puts("toolooctl " TL_VERSION);
                        return finish_stdout(ctl, CTL_OK);
                case ':':
                        return usage("%s needs a value", argv[optind - 1]);
                case '?':
                        return usage("unknown option '%s'", argv[optind - 1]);
                default:
                        ctl->json = ctl->json || c == 'j';
                        ctl->changed = ctl->changed || c == 'c';
                        ctl->follow = ctl->follow || c == 'f';
                        if (optarg && parse_value(ctl, c, optarg) != CTL_OK)
                                return CTL_USAGE;
                        if (!strchr(given, c))
                                given[strlen(given)] = (char) c;
                }
        if (optind == argc)
                return usage("no verb given");
        return run_verb(ctl, argc - optind, argv + optind, given);
}

int main(int argc, char **argv) {
        Ctl ctl = { .lines = LINES_DEFAULT };
        int status;

        (void) setvbuf(stdout, output, _IOFBF, sizeof(output));
        (void) setlocale(LC_CTYPE, ""); /* for the width of what is not ASCII; C stays when it is not known */
        log_setup("toolooctl", NULL);
        status = parse(&ctl, argc, argv);
        free(ctl.selected);
        registry_free(ctl.registry);
        (void) sd_bus_flush_close_unref(ctl.bus);
        return status;
}
