/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "config.h"
#include "ctl.h"
#include "shared/log.h"

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
        { "dev", verb_dev, ONE_NAME, "b" },
};

static void help(void) {
        (void) printf(
                "Usage: toolooctl VERB [SERVICE...] [OPTION...]\n"
                "\n"
                "Controls the TooLoo services of this user, through systemd. Without a SERVICE it means the whole\n"
                "fleet. A SERVICE is an ID as in 'toolooctl status'; tooloo-ID.service is taken too.\n"
                "\n"
                "Verbs:\n"
                "  start [SERVICE...]     start, and wait until it serves; takes a crash loop's limit off first\n"
                "  stop [SERVICE...]      stop; the port is free afterwards\n"
                "  restart [SERVICE...]   restart; connections wait meanwhile. Without a name: those that run\n"
                "  reload [SERVICE...]    load the module from disk; connections stay open\n"
                "  reload --changed       reload whatever is not what lies on disk (tooloo-reload.service runs it)\n"
                "  status [SERVICE...]    show how it is going; one SERVICE at length\n"
                "  dev [DIR]              start the fleet and rebuild and reload it as its source in DIR changes\n"
                "\n"
                "Options:\n"
                "  -q, --quiet            no output but errors\n"
                "      --json             status: JSON instead of a table\n"
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

static int finish_stdout(int status) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        (void) log_errno(-errno, "cannot write the output");
        return CTL_FAILED;
}

static int run_verb(Ctl *ctl, int argc, char **argv, const char *given) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                size_t stray;

                if (!streq(verbs[i].name, argv[0]))
                        continue;
                stray = strspn(given, verbs[i].options);
                if (given[stray])
                        return usage("%s does not go with '%s'",
                                     given[stray] == 'j' ? "--json" : given[stray] == 'c' ? "--changed" :
                                     given[stray] == 'm' ? "--modules" : "--build", verbs[i].name);
                if (verbs[i].max_names != ANY_NAMES && argc - 1 > verbs[i].max_names)
                        return usage("'%s' takes one name at most", verbs[i].name);
                if (ctl->changed && argc > 1)
                        return usage("reload --changed takes no names");
                if (ctl->modules && !ctl->changed)
                        return usage("--modules goes with reload --changed only");
                ctl->names = argc > 1 ? argv + 1 : NULL;
                return finish_stdout(verbs[i].run(ctl));
        }
        return usage("unknown verb '%s'", argv[0]);
}

static int parse(Ctl *ctl, int argc, char **argv) {
        static const struct option options[] = {
                { "quiet", no_argument, NULL, 'q' },
                { "json", no_argument, NULL, 'j' },
                { "changed", no_argument, NULL, 'c' },
                { "modules", required_argument, NULL, 'm' },
                { "build", required_argument, NULL, 'b' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                {},
        };
        char given[8] = "";
        int c;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":qh", options, NULL)) >= 0)
                switch (c) {
                case 'q':
                        ctl->quiet = true;
                        break;
                case 'h':
                        help();
                        return finish_stdout(CTL_OK);
                case 'v':
                        (void) puts("toolooctl " TL_VERSION);
                        return finish_stdout(CTL_OK);
                case 'j':
                case 'c':
                case 'm':
                case 'b':
                        ctl->json = ctl->json || c == 'j';
                        ctl->changed = ctl->changed || c == 'c';
                        ctl->modules = c == 'm' ? optarg : ctl->modules;
                        ctl->build = c == 'b' ? optarg : ctl->build;
                        if (!strchr(given, c))
                                given[strlen(given)] = (char) c;
                        break;
                case ':':
                        return usage("%s needs a value", argv[optind - 1]);
                default:
                        return usage("unknown option '%s'", argv[optind - 1]);
                }
        if (optind == argc)
                return usage("no verb given");
        return run_verb(ctl, argc - optind, argv + optind, given);
}

int main(int argc, char **argv) {
        Ctl ctl = {};
        int status;

        (void) setlocale(LC_CTYPE, ""); /* for the width of what is not ASCII; C stays when it is not known */
        log_setup("toolooctl", NULL);
        status = parse(&ctl, argc, argv);
        free(ctl.selected);
        registry_free(ctl.registry);
        (void) sd_bus_flush_close_unref(ctl.bus);
        return status;
}
