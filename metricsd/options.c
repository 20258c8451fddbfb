/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

#include "alert/repeat.h"
#include "alert/webhook-retry.h"
#include "config.h"
#include "shared/log.h"
#include "shared/option-util.h"

Options options_default(void) {
        return (Options) {
                .interval = 5 * USEC_PER_SEC,
                .timeout = 5 * USEC_PER_SEC,
                .action = ALERT_ACTION_USEC,
                .webhook_retry = WEBHOOK_RETRY_USEC,
                .webhook_repeat = ALERT_REPEAT_USEC,
        };
}

static void print_help(void) {
        (void) printf("tooloo-metricsd [OPTIONS...]\n"
                      "\n"
                      "Watches the services of the fleet and serves the dashboard on the sockets that systemd\n"
                      "hands over.\n"
                      "\n"
                      "  -h --help            Show this help\n"
                      "     --version         Show the version\n"
                      "     --interval-ms=MS  Between two probes of a service, and two updates of the\n"
                      "                       dashboard, 10..600000 [5000]\n"
                      "     --timeout-ms=MS   How long a probe may take, 50..60000 [5000]\n"
                      "     --action-ms=MS    How long an alert's action may take, with the proof of health\n"
                      "                       after it, 100..600000 [30000]\n"
                      "     --webhook-retry-ms=MS\n"
                      "                       Between the first two tries of a webhook, 1..60000 [1000]\n"
                      "     --webhook-repeat-ms=MS\n"
                      "                       Between two messages to an Alertmanager about what is active,\n"
                      "                       100..3600000 [60000]\n"
                      "\n"
                      "SIGTERM ends it after the requests in flight.\n"
                      "Exit status: 0 ended as asked, 1 failure, 2 wrong usage, 78 nothing to run (no sockets,\n"
                      "no state directory).\n");
}

enum {
        ARG_VERSION = 0x100,
        ARG_INTERVAL,
        ARG_TIMEOUT,
        ARG_ACTION,
        ARG_WEBHOOK_RETRY,
        ARG_WEBHOOK_REPEAT,
};

static const struct option long_options[] = {
        { "help",              no_argument,       NULL, 'h'                },
        { "version",           no_argument,       NULL, ARG_VERSION        },
        { "interval-ms",       required_argument, NULL, ARG_INTERVAL       },
        { "timeout-ms",        required_argument, NULL, ARG_TIMEOUT        },
        { "action-ms",         required_argument, NULL, ARG_ACTION         },
        { "webhook-retry-ms",  required_argument, NULL, ARG_WEBHOOK_RETRY  },
        { "webhook-repeat-ms", required_argument, NULL, ARG_WEBHOOK_REPEAT },
        { NULL },
};

/* 1 to go on, 0 when done (help, version), negative errno after an error that has been said. */
static int parse_option(Options *o, int c) {
        switch (c) {
        case 'h':
                print_help();
                return 0;
        case ARG_VERSION:
                (void) printf("tooloo " TL_VERSION "\n");
                return 0;
        case ARG_INTERVAL:
                return parse_ms_option("interval-ms", 10, 600000, &o->interval);
        case ARG_TIMEOUT:
                return parse_ms_option("timeout-ms", 50, 60000, &o->timeout);
        case ARG_ACTION:
                return parse_ms_option("action-ms", 100, 600000, &o->action);
        case ARG_WEBHOOK_RETRY:
                return parse_ms_option("webhook-retry-ms", 1, 60000, &o->webhook_retry);
        case ARG_WEBHOOK_REPEAT:
                return parse_ms_option("webhook-repeat-ms", 100, 3600000, &o->webhook_repeat);
        default:
                return -EINVAL;
        }
}

int options_parse(Options *o, int argc, char *argv[]) {
        int c, r;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
                r = parse_option(o, c);
                if (r <= 0)
                        return r;
        }
        if (optind != argc) {
                log_error("%s: no argument is expected; see --help", argv[optind]);
                return -EINVAL;
        }
        return 1;
}
