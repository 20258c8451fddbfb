/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#define TIMES                                                                          \
        "      --since=TIME       from then on: '2026-01-31 08:15', '08:15', 'today',\n" \
        "                         '2026-01-31T08:15:30Z', '-5min', '-1h30min'"

#define COMMON                                                            \
        "      --json             what metricsd answers, as JSON\n"       \
        "  -q, --quiet            no output but errors\n"                 \
        "  -h, --help             show this text\n"

/* Of 80 columns, as a terminal has them at the least. */
static const struct {
        const char *verb;
        const char *text;
} helps[] = {
        { "alerts",
          "Usage: toolooctl alerts [COMMAND] [OPTION...]\n"
          "\n"
          "Shows what metricsd has raised an alert for and what it has done about it, and\n"
          "changes the rules by which it does.\n"
          "\n"
          "Commands:\n"
          "  list                   show active alerts (as without a command)\n"
          "  rules                  show the rules\n"
          "  add CONDITION          add a rule, or replace the one of that --id.\n"
          "                         CONDITION is METRIC OPERATOR VALUE: 'memory > 200M'\n"
          "  rm RULE...             remove rules\n"
          "  trigger METRIC VALUE [SERVICE]\n"
          "                         act as if that had been measured, and say what is done\n"
          "  silence [SERVICE]      take no action for a time\n"
          "  silences               show what is silenced\n"
          "  unsilence SILENCE...   end silences\n"
          "\n"
          "Metrics: responseTime, health (1 healthy, 0.5 degraded, 0 offline), restarts,\n"
          "memory, cpu, errorRate, journal.errors, reload.failed, provider.successRate,\n"
          "provider.latency, budget.percent. Operators: > < >= <= == !=. A value may have\n"
          "its unit: 200M, 1.5s, 80%.\n"
          "\n"
          "Options:\n"
          "      --all              list: what is over, too\n"
          "      --metric=METRIC    add: the condition in parts, in place of CONDITION\n"
          "      --operator=WORD    add: the same\n"
          "      --threshold=VALUE  add: the same\n"
          "      --action=ACTION    add: notify (the default), restart-service,\n"
          "                         reload-service, switch-provider, scale-up\n"
          "      --service=SERVICE  add: for this one only\n"
          "      --severity=WORD    add: info, warning (the default), critical\n"
          "      --for=TIME         add: how long the condition must hold first;\n"
          "                         silence: how long it lasts\n"
          "      --cooldown=TIME    add: between two actions on a service\n"
          "      --margin=VALUE     add: how far back the figure must go to clear the alert\n"
          "      --param=NAME=VALUE add: what the action needs; can be given more than once\n"
          "      --no-action        add: raise the alert, but only write down what would be\n"
          "                         done\n"
          "      --id=ID            add: name of the rule\n"
          "      --description=TEXT add: what it is for\n"
          "      --rule=RULE        silence: this rule only\n"
          "      --reason=TEXT      silence: why\n"
          "      --dry-run          add, rm, silence, unsilence: check it, change nothing;\n"
          "                         trigger: say what would be done\n" COMMON },
        { "history",
          "Usage: toolooctl history SERVICE METRIC [OPTION...]\n"
          "\n"
          "Plots a figure of the past by gnuplot, of the last hour unless told otherwise.\n"
          "Where nothing was recorded there is a gap. In a pipe, or without gnuplot, it is\n"
          "a table.\n"
          "\n"
          "Metrics: responseTime, health (1 healthy, 0.5 degraded, 0 offline), restarts,\n"
          "memory, cpu, errorRate, requests, errors, generation, journal.errors.\n"
          "\n"
          "Options:\n" TIMES "\n"
          "      --until=TIME       up to then\n"
          "      --step=TIME        the time that one point stands for: '5s', '1min'\n"
          "      --table            a table in place of the plot\n" COMMON },
        { "timeline",
          "Usage: toolooctl timeline [SERVICE...] [OPTION...]\n"
          "\n"
          "Shows what happened, in order of time: changes of state, restarts with their\n"
          "cause, reloads, failed builds, alerts and what was done about them.\n"
          "\n"
          "Options:\n" TIMES "\n"
          "      --until=TIME       up to then\n"
          "  -n, --lines=LINES      the last LINES of them, 1 to 500 (default 100)\n"
          "      --kind=KIND,...    these only: state, restart, reload, build, alert,\n"
          "                         remediation, monitor\n" COMMON },
        { "errors",
          "Usage: toolooctl errors [SERVICE...] [OPTION...]\n"
          "\n"
          "Shows the errors that services logged. Those that differ in numbers and ids\n"
          "alone are counted as one; 'new' are those that the generation that runs was the\n"
          "first to log.\n"
          "\n"
          "Options:\n"
          "  -n, --lines=LINES      the LINES seen last, 1 to 500 (default 100)\n" COMMON },
};

const char *metrics_help(const char *verb) {
        for (size_t i = 0; i < ELEMENTSOF(helps); i++)
                if (streq(helps[i].verb, verb))
                        return helps[i].text;
        return NULL;
}
