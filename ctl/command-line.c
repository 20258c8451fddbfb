/* SPDX-License-Identifier: MIT */
#include "command-line.h"

#include <assert.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "basic/time-util.h"
#include "config.h"
#include "help.h"
#include "output.h"
#include "pager.h"
#include "shared/log.h"
#include "since.h"

/* So that what is shown is written in one piece at the end, and a failed write has one reason to tell. */
static char output[1024 * 1024];

/* getopt's two lists, made from the table. */
typedef struct Rules {
        struct option *longs;
        char letters[3 + 2 * _OPTION_MAX]; /* "+:" before them where they end at the first operand */
} Rules;

static void rules_done(Rules *rules) {
        free(rules->longs);
}

static int rules_init(Rules *rules) {
        size_t n = 0;

        rules->longs = calloc(n_option_infos + 1, sizeof(struct option));
        if (!rules->longs)
                return log_errno(-ENOMEM, "cannot read the arguments");
        rules->letters[n++] = '+';
        rules->letters[n++] = ':';
        for (size_t i = 0; i < n_option_infos; i++) {
                const OptionInfo *o = option_infos + i;

                rules->longs[i] = (struct option) { o->name, o->value ? required_argument : no_argument, NULL, o->id };
                if (!o->has_letter)
                        continue;
                rules->letters[n++] = (char) o->id;
                if (o->value)
                        rules->letters[n++] = ':';
        }
        return 0;
}

/* What stands where the verb does; NULL for nothing. */
static const char *find_verb_name(const Rules *rules, int argc, char **argv) {
        const char *name;

        opterr = 0;
        while (getopt_long(argc, argv, rules->letters, rules->longs, NULL) >= 0)
                ;
        name = optind < argc ? argv[optind] : NULL;
        optind = 0; /* glibc: from the beginning, and with new rules */
        return name;
}

/* Returns only when it could not. */
static int become(const char *program, char **argv) {
        (void) execv(program, argv);
        (void) log_errno(-errno, "cannot run %s (install TooLoo anew)", program);
        return CTL_FAILED;
}

/* CTL_OK, or CTL_USAGE with a line. */
static int read_options(Ctl *ctl, const Rules *rules, int argc, char **argv, GivenOption *given) {
        int c;

        while ((c = getopt_long(argc, argv, rules->letters + 1, rules->longs, NULL)) >= 0) {
                if (c == ':')
                        return verb_usage(ctl, "%s needs a value", argv[optind - 1]);
                if (c == '?')
                        return verb_usage(ctl, "unknown option '%s'", argv[optind - 1]);
                ctl->given[c] = optarg ? optarg : "";
                given[ctl->n_options++] = (GivenOption) { c, optarg };
        }
        return CTL_OK;
}

int verb_time(const Ctl *ctl, int option, uint64_t *ret) {
        const char *value = ctl->given[option];

        if (!value || parse_since(value, now_realtime_usec(), ret) >= 0)
                return CTL_OK;
        return verb_usage(ctl, "--%s does not understand '%s': give a time such as '2026-01-31 08:15', '08:15', 'today' or "
                               "'-5min'", option_find(option)->name, value);
}

/* What several verbs have, in the form in which they use it. */
static int read_values(Ctl *ctl) {
        const char *lines = ctl->given[OPTION_LINES];
        unsigned long number;

        ctl->json = ctl->given[OPTION_JSON];
        ctl->quiet = ctl->given[OPTION_QUIET];
        ctl->follow = ctl->given[OPTION_FOLLOW];
        ctl->lines = lines ? LINES_ALL : LINES_DEFAULT;
        if (lines && !streq(lines, "all")) {
                if (parse_uint(lines, 0, LINES_MAX, &number) < 0)
                        return verb_usage(ctl, "--lines takes a number from 0 to %u or 'all', not '%s'", LINES_MAX, lines);
                ctl->lines = number;
        }
        if (verb_time(ctl, OPTION_SINCE, &ctl->since) != CTL_OK ||
            verb_time(ctl, OPTION_UNTIL, &ctl->until) != CTL_OK)
                return CTL_USAGE;
        if (ctl->until > 0 && ctl->since > ctl->until)
                return verb_usage(ctl, "--since is later than --until");
        return CTL_OK;
}

static int check(Ctl *ctl, size_t n) {
        const Verb *verb = ctl->verb;

        for (size_t i = 0; i < ctl->n_options; i++)
                if (!verb_option_find(verb, ctl->options[i].id))
                        return verb_usage(ctl, "--%s does not go with '%s'", option_find(ctl->options[i].id)->name,
                                          verb->name);
        if (verb->max == 0 && n > 0)
                return verb_usage(ctl, "'%s' takes no names", verb->name);
        if (n < verb->min || n > verb->max)
                return verb_usage(ctl, "'%s' takes %s", verb->name, verb->max == 1 && verb->min == 0
                                                                            ? "one name at most" : verb->operands);
        return read_values(ctl);
}

static int run_verb(Ctl *ctl, const VerbRun *runs) {
        while (!streq(runs->name, ctl->verb->name))
                runs++;
        return runs->run(ctl);
}

static int answer(Ctl *ctl, const VerbRun *runs, int argc, char **argv, const char *name) {
        int status;

        if (ctl->given[OPTION_VERSION]) {
                (void) puts("toolooctl " TL_VERSION);
                return CTL_OK;
        }
        if (ctl->given[OPTION_HELP] && (ctl->verb || !name)) {
                if (ctl->verb)
                        help_print_verb(ctl->verb);
                else
                        help_print();
                return CTL_OK;
        }
        if (!ctl->verb)
                return name ? verb_usage(ctl, "unknown verb '%s'", name) : verb_usage(ctl, "no verb given");
        /* getopt has put the verb first among the operands. */
        ctl->names = optind + 1 < argc ? argv + optind + 1 : NULL;
        status = check(ctl, (size_t) (argc - optind - 1));
        return status != CTL_OK ? status : run_verb(ctl, runs);
}

/* Every verb of this program can be run: else the table and the program do not belong together. */
static bool has_all(const char *program, const VerbRun *runs, size_t n) {
        for (const Verb *v = verbs; v < verbs + n_verbs; v++) {
                size_t i = 0;

                if (!streq(strempty(v->program), strempty(program)))
                        continue;
                while (i < n && !streq(runs[i].name, v->name))
                        i++;
                if (i == n)
                        return false;
        }
        return true;
}

int command_line_run(Ctl *ctl, const char *program, const VerbRun *runs, size_t n_runs, int argc, char **argv) {
        _cleanup_(freep) GivenOption *options = calloc((size_t) argc + 1, sizeof(GivenOption));
        _cleanup_(rules_done) Rules rules = {};
        _cleanup_(freep) char *help = NULL;
        const char *name;
        int status;

        assert(has_all(program, runs, n_runs));
        (void) setvbuf(stdout, output, _IOFBF, sizeof(output));
        (void) setlocale(LC_CTYPE, ""); /* for the width of what is not ASCII; C stays when it is not known */
        log_setup("toolooctl", NULL);
        if (!options || rules_init(&rules) < 0)
                return CTL_FAILED;
        ctl->options = options;
        name = find_verb_name(&rules, argc, argv);
        ctl->verb = name ? verb_find(name) : NULL;
        if (ctl->verb && !streq(strempty(ctl->verb->program), strempty(program)))
                return become(ctl->verb->program ? ctl->verb->program : TL_BIN_DIR "/toolooctl", argv);
        help = ctl->verb ? str_printf("toolooctl %s --help", name) : strdup("toolooctl --help");
        ctl->help = strempty(help);
        status = read_options(ctl, &rules, argc, argv, options);
        if (status == CTL_OK)
                status = ctl_finish_stdout(ctl, answer(ctl, runs, argc, argv, name));
        pager_close();
        free(ctl->selected);
        registry_free(ctl->registry);
        (void) sd_bus_flush_close_unref(ctl->bus);
        return status;
}
