/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "config.h"
#include "ctl/command.h"
#include "metrics.h"

#define LIST_MAX 500 /* of timeline and errors: metricsd's greatest */

/* Each with its comma. */
#define OPTIONS(...) (const int[]) { OPTION_JSON, __VA_ARGS__ 0 }

static const Command commands[] = {
        { "list", metrics_alerts_list, 0, 0, "no name", OPTIONS(OPTION_ALL,) },
        { "rules", metrics_alerts_rules, 0, 0, "no name", OPTIONS() },
        { "add", metrics_alerts_add, 0, ANY_OPERANDS, "",
          OPTIONS(OPTION_DRY_RUN, OPTION_NO_ACTION, OPTION_METRIC, OPTION_OPERATOR, OPTION_THRESHOLD, OPTION_ACTION,
                  OPTION_SERVICE, OPTION_SEVERITY, OPTION_FOR, OPTION_COOLDOWN, OPTION_MARGIN, OPTION_ID, OPTION_DESCRIPTION,
                  OPTION_PARAM,) },
        { "rm", metrics_alerts_remove, 1, ANY_OPERANDS, "the ID of a rule", OPTIONS(OPTION_DRY_RUN,) },
        { "trigger", metrics_alerts_trigger, 2, 3, "METRIC VALUE [SERVICE]", OPTIONS(OPTION_DRY_RUN,) },
        { "silence", metrics_alerts_silence, 0, 1, "one SERVICE at most",
          OPTIONS(OPTION_DRY_RUN, OPTION_FOR, OPTION_REASON, OPTION_RULE,) },
        { "silences", metrics_alerts_silences, 0, 0, "no name", OPTIONS() },
        { "unsilence", metrics_alerts_unsilence, 1, ANY_OPERANDS, "the ID of a silence", OPTIONS(OPTION_DRY_RUN,) },
};

/* What all of them begin with. */
static Metrics *begin(Ctl *ctl) {
        static char *none[] = { NULL };
        Metrics *m = (Metrics *) ctl;

        m->operands = ctl->names ? ctl->names : none;
        while (m->operands[m->n_operands])
                m->n_operands++;
        return m;
}

static int verb_alerts(Ctl *ctl) {
        const Command *c = command_take(ctl, commands, ELEMENTSOF(commands));

        (void) begin(ctl);
        return c ? c->run(ctl) : CTL_USAGE;
}

static int verb_history(Ctl *ctl) {
        return metrics_history(begin(ctl));
}

static int check_lines(const Ctl *ctl) {
        const char *lines = ctl->given[OPTION_LINES];
        unsigned long number;

        if (lines && parse_uint(lines, 1, LIST_MAX, &number) < 0)
                return verb_usage(ctl, "--lines takes a number from 1 to %d, not '%s'", LIST_MAX, lines);
        return CTL_OK;
}

static int verb_timeline(Ctl *ctl) {
        int status = check_lines(ctl);

        return status != CTL_OK ? status : metrics_timeline(begin(ctl));
}

static int verb_errors(Ctl *ctl) {
        int status = check_lines(ctl);

        return status != CTL_OK ? status : metrics_errors(begin(ctl));
}

static const VerbRun runs[] = {
        { "alerts", verb_alerts },
        { "history", verb_history },
        { "timeline", verb_timeline },
        { "errors", verb_errors },
};

int main(int argc, char **argv) {
        Metrics m = {};
        int status;

        (void) signal(SIGPIPE, SIG_IGN); /* a reader that has gone is no crash */
        status = command_line_run(&m.ctl, METRICS_PROGRAM, runs, ELEMENTSOF(runs), argc, argv);
        curl_easy_cleanup(m.curl);
        return status;
}
