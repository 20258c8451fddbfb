/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "verbs.h"

#include "basic/string-util.h"
#include "config.h"
#include "doctor/checks.h"
#include "gateway/words.h"
#include "swap-program.h"

#define TIME_FORMS "'2026-01-31 08:15', '2026-01-31T08:15:30Z', '08:15', 'today', '-5min', '-1h30min'"

const char *const group_titles[_GROUP_MAX] = {
        [GROUP_RUN] = "Run services",
        [GROUP_LOOK] = "See how they are",
        [GROUP_PAST] = "See what was, as metricsd knows it",
        [GROUP_OWN] = "Services of your own",
        [GROUP_MODELS] = "The gateway to models",
};

const VerbOption common_options[] = {
        { OPTION_QUIET, "no output but errors" },
        { OPTION_HELP, "show this text; with a verb, that verb's" },
        { OPTION_VERSION, "show the version" },
        {},
};

static const VerbOption reload_options[] = {
        { OPTION_CHANGED, "reload whatever is not what lies on disk, which tooloo-reload.service asks for" },
        { OPTION_MODULES, "with --changed: watch this module directory (default " TL_MODULES_DIR ")" },
        {},
};

static const VerbOption restart_options[] = {
        { OPTION_CHANGED, "restart what runs another program than lies on disk, which tooloo-upgrade.service asks for" },
        { OPTION_TIMEOUT, "with --changed: wait so long for each to be healthy (default 1min)" },
        {},
};

#define NO_PAGER { OPTION_NO_PAGER, "do not pipe what is long into a pager" }

static const VerbOption json_options[] = {
        { OPTION_JSON, "JSON instead of a table" },
        NO_PAGER,
        {},
};

/* Of those that tell of one service. */
static const VerbOption one_options[] = {
        { OPTION_JSON, "a JSON object in place of the lines" },
        {},
};

static const VerbOption logs_options[] = {
        { OPTION_FOLLOW, "go on with what is logged from now on" },
        { OPTION_LINES, "the last LINES of them, or 'all' (default all; 10 with -f)" },
        { OPTION_SINCE, "from then on: " TIME_FORMS },
        { OPTION_UNTIL, "up to then" },
        { OPTION_PRIORITY, "that urgent or more, 'err' or 3, or a range, 'err..warning'" },
        { OPTION_GREP, "messages that match, a PCRE2; in any case when it is all in lower case" },
        { OPTION_GENERATION, "while that one served: 'current', 'previous', or its number since the last start" },
        { OPTION_JSON, "a JSON object a line" },
        { OPTION_CMD, "only print the journalctl command that shows the same" },
        NO_PAGER,
        {},
};

static const VerbOption events_options[] = {
        { OPTION_FOLLOW, "show what happens from now on, until nobody reads any more" },
        { OPTION_LINES, "the last LINES of the past, or 'all' (default 20; none with -f)" },
        { OPTION_SINCE, "what happened from then on: " TIME_FORMS },
        { OPTION_JSON, "a JSON object a line" },
        {},
};

static const VerbOption wait_options[] = {
        { OPTION_FOR, "what they are to be: healthy (as metricsd finds, the default), running or stopped" },
        { OPTION_TIMEOUT, "give up after SPAN, such as 30s or 2min (default infinity)" },
        {},
};

static const VerbOption top_options[] = {
        { OPTION_SORT, "by port (the default), id, state, response, restarts, memory, cpu or age" },
        { OPTION_ONCE, "print one table and end, for a pipe" },
        {},
};

static const VerbOption dev_options[] = {
        { OPTION_BUILD, "build here (default: build/ of the source)" },
        { OPTION_ONCE, "return once what differs is built and live, or has failed; hot reload stays on" },
        {},
};

static const VerbOption doctor_options[] = {
        { OPTION_FIX, "mend what is marked so; a note, or what takes root, is left to you" },
        { OPTION_ALL, "also say what was looked at and is well" },
        { OPTION_JSON, "JSON instead of text" },
        {},
};

#define OWN_SETTINGS                                                                                                          \
        { OPTION_PORT, "listen there; without it a new one gets the first free port from 4000 on. The program finds it as "  \
                       "PORT in its environment" },                                                                         \
        { OPTION_SOCKET, "systemd listens, and hands the socket over as descriptor 3: connections wait while the program "   \
                         "restarts" },                                                                                      \
        { OPTION_HEALTH, "it is well when this answers with 200 to 399 (default: /health or /, whichever does)" },                      \
        { OPTION_ROUTE, "send requests of port 3000 here whose path begins so; may be given more than once, as those "       \
                        "below that name a DIR, a variable or an ID" },                                                     \
        { OPTION_WATCH, "do what --on-change says when something below DIR changes" },                                      \
        { OPTION_ON_CHANGE, "restart (default), swap, reload or none" },                                                    \
        { OPTION_ENV, "set a variable of its environment" },                                                                \
        { OPTION_AFTER, "start after that service, and start that along with it" },                                         \
        { OPTION_WRITE, "let it write there; the rest it can only read" },                                                  \
        { OPTION_CATEGORY, "infrastructure, core, extended (default), integration or control" },                            \
        { OPTION_DESCRIPTION, "what lists call it" },                                                                       \
        { OPTION_TIMEOUT, "wait so long for it to be healthy (default 1min)" }

static const VerbOption add_options[] = {
        OWN_SETTINGS,
        { OPTION_DRY_RUN, "print the unit files and change nothing" },
        {},
};

static const VerbOption edit_options[] = {
        OWN_SETTINGS,
        { OPTION_DRY_RUN, "print the files as they would be and change nothing" },
        {},
};

static const VerbOption import_options[] = {
        { OPTION_DRY_RUN, "print the unit files and change nothing" },
        { OPTION_TIMEOUT, "wait so long for each to be healthy (default 1min)" },
        {},
};

static const VerbOption remove_options[] = {
        { OPTION_YES, "do not ask" },
        {},
};

/* --- The past --- */

static const VerbWord alerts_words[] = {
        { "list", "show active alerts (as without a COMMAND)" },
        { "rules", "show the rules" },
        { "add CONDITION", "add a rule, or replace the one of that --id. CONDITION is METRIC OPERATOR VALUE: 'memory > 200M'" },
        { "rm RULE...", "remove rules" },
        { "trigger METRIC VALUE [SERVICE]", "act as if that had been measured, and say what is done" },
        { "silence [SERVICE]", "take no action for a time" },
        { "silences", "show what is silenced" },
        { "unsilence SILENCE...", "end silences" },
        {},
};

#define ANSWER { OPTION_JSON, "what metricsd answers, as JSON" }
#define PAST { OPTION_SINCE, "from then on: " TIME_FORMS }, { OPTION_UNTIL, "up to then" }

static const VerbOption alerts_options[] = {
        { OPTION_ALL, "list: what is over, too" },
        { OPTION_METRIC, "add: the condition in parts, in place of CONDITION" },
        { OPTION_OPERATOR, "add: the same" },
        { OPTION_THRESHOLD, "add: the same" },
        { OPTION_ACTION, "add: notify (the default), restart-service, reload-service, switch-provider, scale-up" },
        { OPTION_SERVICE, "add: for this one only" },
        { OPTION_SEVERITY, "add: info, warning (the default), critical" },
        { OPTION_FOR, "add: how long the condition must hold first; silence: how long it lasts", "TIME" },
        { OPTION_COOLDOWN, "add: between two actions on a service" },
        { OPTION_MARGIN, "add: how far back the figure must go to clear the alert" },
        { OPTION_PARAM, "add: what the action needs; can be given more than once" },
        { OPTION_NO_ACTION, "add: raise the alert, but only write down what would be done" },
        { OPTION_ID, "add: name of the rule" },
        { OPTION_DESCRIPTION, "add: what it is for" },
        { OPTION_RULE, "silence: this rule only" },
        { OPTION_REASON, "silence: why" },
        { OPTION_DRY_RUN, "add, rm, silence, unsilence: check it, change nothing; trigger: say what would be done" },
        ANSWER,
        {},
};

static const VerbOption history_options[] = {
        PAST,
        { OPTION_STEP, "the time that one point stands for: '5s', '1min'" },
        { OPTION_TABLE, "a table in place of the plot" },
        ANSWER,
        {},
};

static const VerbOption timeline_options[] = {
        PAST,
        { OPTION_LINES, "the last LINES of them, 1 to 500 (default 100)" },
        { OPTION_KIND, "these only: state, restart, reload, build, alert, remediation, monitor" },
        ANSWER,
        {},
};

static const VerbOption errors_options[] = {
        { OPTION_LINES, "the LINES seen last, 1 to 500 (default 100)" },
        ANSWER,
        {},
};

#define METRICS "responseTime, health (1 healthy, 0.5 degraded, 0 offline), restarts, memory, cpu, errorRate"

#define SERVICES "[SERVICE...]"
#define TEXT(...) (const char *const[]) { __VA_ARGS__, NULL }

/* In the order of the overview. */
const Verb verbs[] = {
        { "start", GROUP_RUN, SERVICES, 0, ANY_OPERANDS, "start, and wait until it serves",
          TEXT("Starts services and waits until they serve. Takes the limit of a crash loop off first. Without a SERVICE it "
               "starts the fleet, tooloo.target."),
          NULL, NULL },
        { "stop", GROUP_RUN, SERVICES, 0, ANY_OPERANDS, "stop; the port is free afterwards",
          TEXT("Stops services, their sockets first: the ports are free afterwards, and no connection starts them again. "
               "Without a SERVICE it stops the fleet, and watching its sources, too."),
          NULL, NULL },
        { "restart", GROUP_RUN, SERVICES, 0, ANY_OPERANDS, "restart; connections wait meanwhile",
          TEXT("Restarts services; new connections wait meanwhile. Without a SERVICE it restarts those that run.",
               "With --changed it restarts, one at a time, those of the fleet's own programs that have been replaced on disk, by "
               "an upgrade say, and each only once the one before is healthy. One that is not holds the upgrade there: the others "
               "keep the program they run, until the file is another one."),
          restart_options, NULL },
        { "reload", GROUP_RUN, SERVICES, 0, ANY_OPERANDS, "take new code on, as OnChange= says",
          TEXT("Takes new code on, in the way that OnChange= in the service's [X-Tooloo] section says.",
               "reload: the service loads its module from disk; connections stay open. A module that does not load, or does not "
               "start, is rejected and the old one goes on.",
               "swap: the new code is started apart and asked for its health; once that is good it takes the socket over while "
               "the old one finishes what it has accepted. Code that is never healthy is stopped again, and the old one goes on.",
               "restart: new connections wait in the socket meanwhile. none: an error.",
               "Without a SERVICE it does so for all that run and reload or swap."),
          reload_options, NULL },
        { "wait", GROUP_RUN, SERVICES, 0, ANY_OPERANDS, "wait until they are healthy, running or stopped",
          TEXT("Waits until services are healthy, running or stopped, and starts and stops nothing itself. Ends at once, with "
               "the reason, when one has failed for good. Without a SERVICE it waits for all but the masked ones."),
          wait_options, NULL },
        { "scale", GROUP_RUN, "SERVICE N", 2, 2, "run N processes of a service at its socket",
          TEXT("Runs N processes of a service, from 1 to 16, that share its socket: tooloo-ID.service itself and replicas, "
               "tooloo-ID@2.service and so on. It waits until each serves; those that are too many finish what they have "
               "accepted and go. They last until the service or the session is stopped. For programs that systemd hands the "
               "socket to; a service that reloads its module is one process."),
          NULL, SWAP_PROGRAM },
        { "dev", GROUP_RUN, "[DIR]", 0, 1, "hot reload with a live view of what happens",
          TEXT("Starts the fleet, rebuilds and reloads it as its source in DIR changes, and shows what changed, what was built, "
               "what went live in how many milliseconds, and errors with file and line. Ctrl-C ends the view alone; 'toolooctl "
               "stop' ends it all. Without DIR it is the source tree that the working directory is in.",
               "Where DIR is no TooLoo source tree but services of your own watch it, it starts and follows those."),
          dev_options, NULL },
        { "status", GROUP_LOOK, SERVICES, 0, ANY_OPERANDS, "show how it is going; one SERVICE at length",
          TEXT("Shows how it is going, in a table; one SERVICE at length. The exit status is 3 when one is not active."),
          json_options, NULL },
        { "why", GROUP_LOOK, "SERVICE", 1, 1, "say why it is down, and what mends it",
          TEXT("Says why a service is down, or not well, in five lines at most: the verdict, the line of its log that says most, "
               "what was changed before, what it needs and does not have, and the command that mends it. The exit status is 0 "
               "when nothing is wrong, and 3 when it is not well."),
          one_options, NULL },
        { "top", GROUP_LOOK, "", 0, 0, "show them on the whole screen, live; act by a key",
          TEXT("Shows the services on the whole screen, live, and acts on the one selected by a key: restart, reload, start, "
               "stop, its log, why it is how it is. The key ? shows all of them, q quits."),
          top_options, TOP_PROGRAM },
        { "list", GROUP_LOOK, SERVICES, 0, ANY_OPERANDS, "show what there is: ports, routes, unit files",
          TEXT("Shows what there is: ids, ports, routes, unit files."), json_options, NULL },
        { "logs", GROUP_LOOK, SERVICES, 0, ANY_OPERANDS, "show what they log",
          TEXT("Shows what services log and what systemd says about them, in order of time. Without a SERVICE it shows the "
               "source watcher ('watchd'), too."),
          logs_options, NULL },
        { "doctor", GROUP_LOOK, "[CHECK...]", 0, ANY_OPERANDS, "look for what is wrong, and mend it with --fix",
          TEXT("Looks for faults in everything that the fleet hangs on: the user's systemd, ports, limits, unit files, sandboxes, "
               "disk, clock, modules. For each it says what is wrong, why that matters and the command that mends it. It starts "
               "nothing, and works without systemd, too. With names of checks, from the list below, it makes these alone.",
               "The exit status is 1 where there is an error or a warning; with --fix, where one is left."),
          doctor_options, NULL, check_words },
        { "diff", GROUP_LOOK, "SERVICE", 1, 1, "compare what runs with what lies on disk",
          TEXT("Compares what a service runs with what lies on disk: its module, its program, its unit file, and the files under "
               "Watch=. The exit status is 0 when that is the same, 1 when it is not, 2 when it cannot be compared, 3 when the "
               "service does not run."),
          one_options, NULL },
        { "events", GROUP_LOOK, SERVICES, 0, ANY_OPERANDS, "show what happens: states, jobs, reloads, health",
          TEXT("Shows what happened in the fleet by the journal: ends of jobs, failures, reloads. With --follow it shows what "
               "happens from now on, a line or a JSON object each: changes of state, ends of jobs, reloads and changes of health."),
          events_options, NULL },
        { "alerts", GROUP_PAST, "[COMMAND...]", 0, ANY_OPERANDS, "show active alerts; see, add, remove rules; silence",
          TEXT("Shows what metricsd has raised an alert for and what it has done about it, and changes the rules by which it does.",
               "Metrics: " METRICS ", journal.errors, reload.failed, provider.successRate, provider.latency, budget.percent. "
               "Operators: > < >= <= == !=. A value may have its unit: 200M, 1.5s, 80%."),
          alerts_options, METRICS_PROGRAM, alerts_words },
        { "history", GROUP_PAST, "SERVICE METRIC", 2, 2, "plot memory, cpu, responseTime or another figure",
          TEXT("Plots a figure of the past by gnuplot, of the last hour unless told otherwise. Where nothing was recorded there is "
               "a gap. In a pipe, or without gnuplot, it is a table.",
               "Metrics: " METRICS ", requests, errors, generation, journal.errors."),
          history_options, METRICS_PROGRAM },
        { "timeline", GROUP_PAST, SERVICES, 0, ANY_OPERANDS, "show what happened: restarts, reloads, alerts, ...",
          TEXT("Shows what happened, in order of time: changes of state, restarts with their cause, reloads, failed builds, "
               "alerts and what was done about them."),
          timeline_options, METRICS_PROGRAM },
        { "errors", GROUP_PAST, SERVICES, 0, ANY_OPERANDS, "show the errors they logged, counted by kind",
          TEXT("Shows the errors that services logged. Those that differ in numbers and ids alone are counted as one; 'new' are "
               "those that the generation that runs was the first to log."),
          errors_options, METRICS_PROGRAM },
        { "add", GROUP_OWN, "ID [OPTION...] -- COMMAND...", 1, ANY_OPERANDS, "run COMMAND as a service from now on",
          TEXT("Makes a service of COMMAND, which runs in the present directory: writes its unit files, with the reason of each "
               "line, starts it and waits until it is healthy. Nothing else records it."),
          add_options, SERVICES_PROGRAM },
        { "edit", GROUP_OWN, "SERVICE [OPTION...] [-- COMMAND...]", 1, ANY_OPERANDS, "change what it is: port, routes, command, ...",
          TEXT("Changes what is given of a service and leaves the rest of its unit files as it is, restarts it when it runs and "
               "its process has to know, and waits until it is healthy. For a service that was installed, one of the "
               "fleet's say, drop-ins in your own unit directory do it.",
               "An option that may be given more than once says all of its list anew: with nothing behind '=' it is none. --env "
               "alone changes the variables that it names; NAME without '=' takes one out."),
          edit_options, SERVICES_PROGRAM },
        { "import", GROUP_OWN, "FILE", 1, 1, "make services of a Procfile or compose.yaml",
          TEXT("Makes services of what a Procfile or a compose file starts, as 'add' does, and says line by line what of it could "
               "not be carried over and why. Nothing runs in a container: commands run here, and what is an image without a "
               "command cannot. The exit status is 1 when one of its services could not be made, or is not healthy."),
          import_options, SERVICES_PROGRAM },
        { "remove", GROUP_OWN, "SERVICE...", 1, ANY_OPERANDS, "stop it and delete its unit files",
          TEXT("Stops services of your own, disables them and deletes their unit files, after asking on a terminal."),
          remove_options, SERVICES_PROGRAM },
        { "provider", GROUP_MODELS, "[COMMAND...]", 0, ANY_OPERANDS, "add, see, change, remove, try providers of models",
          TEXT("Tells the gateway where models are, and under which key and price: each provider is a file in "
               "~/.config/tooloo/providers, its key one in ~/.config/tooloo/credentials. The gateway takes a change on at once; "
               "no stream is cut.",
               "Prices are USD per million tokens. Without a price, a call counts as costing nothing and is called unpriced."),
          provider_options, GATEWAY_PROGRAM, provider_words },
        { "key", GROUP_MODELS, "[COMMAND...]", 0, ANY_OPERANDS, "create, list and revoke keys of the gateway",
          TEXT("Makes keys by which clients call the gateway, each with a budget of its own. Of a key only its hash is kept. "
               "As long as there is none that is good, programs of your own user need none."),
          key_options, GATEWAY_PROGRAM, key_words },
        { "budget", GROUP_MODELS, "", 0, 0, "show and set what may be spent, and what was",
          TEXT("Shows limits in USD and what was spent of them, and sets them: total=100/month, provider:NAME=5/day, "
               "key:NAME=0.5/minute, user:NAME=20/month. The window is minute, day or month and begins with UTC's; 'none' in place "
               "of the number takes a limit away. A call that could exceed a limit is not made."),
          budget_options, GATEWAY_PROGRAM },
        { "ledger", GROUP_MODELS, "COMMAND [ID]", 1, 2, "export, verify, rebuild the record of all calls",
          TEXT("Works on the ledger, in which each call of a model stands with its tokens and its cost."),
          ledger_options, GATEWAY_PROGRAM, ledger_words },
};
const size_t n_verbs = ELEMENTSOF(verbs);

const Verb *verb_find(const char *name) {
        for (const Verb *v = verbs; v < verbs + n_verbs; v++)
                if (streq(v->name, name))
                        return v;
        return NULL;
}

static const VerbOption *find_in(const VerbOption *options, int id) {
        for (; options && options->id; options++)
                if (options->id == id)
                        return options;
        return NULL;
}

const VerbOption *verb_option_find(const Verb *verb, int id) {
        const VerbOption *found = find_in(verb->options, id);

        return found ? found : find_in(common_options, id);
}
