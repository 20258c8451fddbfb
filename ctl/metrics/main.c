/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "basic/time-util.h"
#include "config.h"
#include "ctl/output.h"
#include "ctl/since.h"
#include "metrics.h"
#include "shared/log.h"

#define LIST_MAX 500 /* of timeline and errors: metricsd's greatest */
#define ANY SIZE_MAX

/* As in toolooctl: written in one piece at the end. */
static char output[1024 * 1024];

typedef struct Command {
        const char *verb;
        const char *name; /* NULL where the verb has none */
        int (*run)(Metrics *m);
        size_t min, max;      /* operands */
        const char *operands; /* in words, for the line that says how many */
        const char *options;  /* letters of those that belong to it */
} Command;

static const Command commands[] = {
        { "alerts", "list", metrics_alerts_list, 0, 0, "no name", "ja" },
        { "alerts", "rules", metrics_alerts_rules, 0, 0, "no name", "j" },
        { "alerts", "add", metrics_alerts_add, 0, ANY, "", "jDNmotASyfcgidp" },
        { "alerts", "rm", metrics_alerts_remove, 1, ANY, "the ID of a rule", "jD" },
        { "alerts", "trigger", metrics_alerts_trigger, 2, 3, "METRIC VALUE [SERVICE]", "jD" },
        { "alerts", "silence", metrics_alerts_silence, 0, 1, "one SERVICE at most", "jDfrR" },
        { "alerts", "silences", metrics_alerts_silences, 0, 0, "no name", "j" },
        { "alerts", "unsilence", metrics_alerts_unsilence, 1, ANY, "the ID of a silence", "jD" },
        { "history", NULL, metrics_history, 2, 2, "SERVICE METRIC", "jTsue" },
        { "timeline", NULL, metrics_timeline, 0, ANY, "", "jsunk" },
        { "errors", NULL, metrics_errors, 0, ANY, "", "jn" },
};

static const struct option options[] = {
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { "json", no_argument, NULL, OPT_JSON },
        { "all", no_argument, NULL, OPT_ALL },
        { "dry-run", no_argument, NULL, OPT_DRY_RUN },
        { "no-action", no_argument, NULL, OPT_NO_ACTION },
        { "table", no_argument, NULL, OPT_TABLE },
        { "action", required_argument, NULL, OPT_ACTION },
        { "cooldown", required_argument, NULL, OPT_COOLDOWN },
        { "description", required_argument, NULL, OPT_DESCRIPTION },
        { "for", required_argument, NULL, OPT_FOR },
        { "id", required_argument, NULL, OPT_ID },
        { "kind", required_argument, NULL, OPT_KIND },
        { "lines", required_argument, NULL, OPT_LINES },
        { "margin", required_argument, NULL, OPT_MARGIN },
        { "metric", required_argument, NULL, OPT_METRIC },
        { "operator", required_argument, NULL, OPT_OPERATOR },
        { "param", required_argument, NULL, OPT_PARAM },
        { "reason", required_argument, NULL, OPT_REASON },
        { "rule", required_argument, NULL, OPT_RULE },
        { "service", required_argument, NULL, OPT_SERVICE },
        { "severity", required_argument, NULL, OPT_SEVERITY },
        { "since", required_argument, NULL, OPT_SINCE },
        { "step", required_argument, NULL, OPT_STEP },
        { "threshold", required_argument, NULL, OPT_THRESHOLD },
        { "until", required_argument, NULL, OPT_UNTIL },
        {},
};

typedef struct Asked {
        bool help, version;
} Asked;

/* --- Options ----------------------------------------------------------------------------------------------------- */

/* CTL_OK, or CTL_USAGE with a line; both in the options' order. */
static int parse_options(Metrics *m, int argc, char **argv, Asked *ret) {
        int c;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":qhn:", options, NULL)) >= 0)
                switch (c) {
                case 'q':
                        m->ctl.quiet = true;
                        break;
                case 'h':
                        ret->help = true;
                        break;
                case 'v':
                        ret->version = true;
                        break;
                case ':':
                        return metrics_usage(m, "%s needs a value", argv[optind - 1]);
                case '?':
                        return metrics_usage(m, "unknown option '%s'", argv[optind - 1]);
                default:
                        m->given[c] = optarg ? optarg : "";
                        if (c == OPT_PARAM)
                                m->params[m->n_params++] = optarg;
                }
        m->operands = argv + optind;
        m->n_operands = (size_t) (argc - optind);
        return CTL_OK;
}

static int parse_time(const Metrics *m, int option, const char *name, uint64_t *ret) {
        const char *value = m->given[option];

        if (!value || parse_since(value, now_realtime_usec(), ret) >= 0)
                return CTL_OK;
        return metrics_usage(m, "--%s does not understand '%s': give a time such as '2026-01-31 08:15', '08:15', "
                                "'today' or '-5min'", name, value);
}

static int check_values(Metrics *m) {
        const char *lines = m->given[OPT_LINES];
        unsigned long number;

        if (lines && parse_uint(lines, 1, LIST_MAX, &number) < 0)
                return metrics_usage(m, "--lines takes a number from 1 to %d, not '%s'", LIST_MAX, lines);
        if (parse_time(m, OPT_SINCE, "since", &m->since) != CTL_OK)
                return CTL_USAGE;
        return parse_time(m, OPT_UNTIL, "until", &m->until);
}

/* --- The command ------------------------------------------------------------------------------------------------- */

/* Takes verb and command off the operands. NULL after a line. Without a command it is the first of the verb. */
static const Command *find_command(Metrics *m) {
        const char *name = m->n_operands > 1 ? m->operands[1] : NULL;

        if (!m->verb || m->n_operands == 0 || !streq(m->operands[0], m->verb)) {
                (void) metrics_usage(m, "no verb given");
                return NULL;
        }
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                const Command *c = commands + i;
                bool named = c->name && name;

                if (!streq(c->verb, m->verb) || (named && !streq(c->name, name)))
                        continue;
                m->operands += 1 + named;
                m->n_operands -= (size_t) (1 + named);
                return c;
        }
        (void) metrics_usage(m, "unknown command '%s %s'", m->verb, name);
        return NULL;
}

static int check_command(const Metrics *m, const Command *c) {
        const char *blank = c->name ? " " : "", *name = c->name ? c->name : "";

        for (const struct option *o = options; o->name; o++)
                if (m->given[o->val] && !strchr(c->options, o->val))
                        return metrics_usage(m, "--%s does not go with '%s%s%s'", o->name, c->verb, blank, name);
        if (m->n_operands < c->min || m->n_operands > c->max)
                return metrics_usage(m, "'%s%s%s' takes %s", c->verb, blank, name, c->operands);
        return CTL_OK;
}

static int run(Metrics *m, int argc, char **argv) {
        const Command *command;
        Asked asked = {};
        int status;

        status = parse_options(m, argc, argv, &asked);
        if (status != CTL_OK)
                return status;
        if (asked.version)
                return puts("toolooctl " TL_VERSION) < 0 ? CTL_FAILED : CTL_OK;
        if (asked.help && m->verb)
                return fputs(metrics_help(m->verb), stdout) < 0 ? CTL_FAILED : CTL_OK;
        command = find_command(m);
        if (!command)
                return CTL_USAGE;
        status = check_command(m, command);
        if (status == CTL_OK)
                status = check_values(m);
        return status != CTL_OK ? status : command->run(m);
}

/* Known before the options are, so that what is wrong with these can name the help that says more. */
static const char *find_verb(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (metrics_help(argv[i]))
                        return argv[i];
        return NULL;
}

int main(int argc, char **argv) {
        _cleanup_(freep) char *help = NULL;
        Metrics m = {};
        int status;

        (void) setvbuf(stdout, output, _IOFBF, sizeof(output));
        (void) setlocale(LC_CTYPE, "");
        (void) signal(SIGPIPE, SIG_IGN); /* a reader that has gone is no crash */
        log_setup("toolooctl", NULL);
        m.verb = find_verb(argc, argv);
        help = str_printf("toolooctl %s%s--help", m.verb ? m.verb : "", m.verb ? " " : "");
        m.params = calloc((size_t) argc + 1, sizeof(char *));
        if (!help || !m.params) {
                (void) log_errno(-ENOMEM, "cannot read the arguments");
                return CTL_FAILED;
        }
        m.help = help;
        status = ctl_finish_stdout(&m.ctl, run(&m, argc, argv));
        free(m.params);
        free(m.ctl.selected);
        registry_free(m.ctl.registry);
        (void) sd_bus_flush_close_unref(m.ctl.bus);
        curl_easy_cleanup(m.curl);
        return status;
}
