/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "ctl.h"
#include "output.h"
#include "shared/log.h"
#include "since.h"

/* So that what is shown is written in one piece at the end, and a failed write has one reason to tell. */
static char output[1024 * 1024];

enum { NO_NAMES = 0, ONE_NAME = 1, ANY_NAMES = -1 };

/* It has the verbs that ask metricsd by HTTP: linked into this program, libcurl and its 28 libraries would make
 * each of the others start some milliseconds later. */
#define METRICS_PROGRAM TL_PKGLIB_DIR "/toolooctl-metrics"
static const char *const metrics_verbs[] = { "alerts", "errors", "history", "timeline" };

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

#define SHORT_OPTIONS "qhfn:"
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

#define usage(...) ctl_usage("toolooctl --help", __VA_ARGS__)

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
                return ctl_finish_stdout(ctl, verbs[i].run(ctl));
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

/* What stands where the verb does; NULL for nothing. Which options there are hangs on it. */
static const char *find_verb(int argc, char **argv) {
        const char *verb;

        while (getopt_long(argc, argv, "+:" SHORT_OPTIONS, options, NULL) >= 0)
                ;
        verb = optind < argc ? argv[optind] : NULL;
        optind = 0; /* glibc: from the beginning, and with new rules */
        return verb;
}

/* Becomes the program that has the verb, if one has. Returns where none has: CTL_OK; or where it cannot be run. */
static int hand_over(const char *verb, char **argv) {
        for (size_t i = 0; verb && i < ELEMENTSOF(metrics_verbs); i++)
                if (streq(metrics_verbs[i], verb)) {
                        (void) execv(METRICS_PROGRAM, argv);
                        (void) log_errno(-errno, "cannot run " METRICS_PROGRAM " (install TooLoo anew)");
                        return CTL_FAILED;
                }
        return CTL_OK;
}

static int parse(Ctl *ctl, int argc, char **argv) {
        char given[ELEMENTSOF(options)] = "";
        int c;

        while ((c = getopt_long(argc, argv, ":" SHORT_OPTIONS, options, NULL)) >= 0)
                switch (c) {
                case 'q':
                        ctl->quiet = true;
                        break;
                case 'h':
                        ctl_help();
                        return ctl_finish_stdout(ctl, CTL_OK);
                case 'v':
                        (void) puts("toolooctl " TL_VERSION);
                        return ctl_finish_stdout(ctl, CTL_OK);
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
        opterr = 0;
        status = hand_over(find_verb(argc, argv), argv);
        if (status == CTL_OK)
                status = parse(&ctl, argc, argv);
        free(ctl.selected);
        registry_free(ctl.registry);
        (void) sd_bus_flush_close_unref(ctl.bus);
        return status;
}
