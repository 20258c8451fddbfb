/* SPDX-License-Identifier: MIT */
#include "host/options.h"

#include <getopt.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "config.h"
#include "shared/log.h"
#include "shared/option-util.h"

Options options_default(void) {
        return (Options) {
                .modules = TL_MODULES_DIR,
                .trial = 5 * USEC_PER_SEC,
                .prove = 10 * USEC_PER_SEC,
                .timeouts = server_timeouts_default,
        };
}

static void print_help(void) {
        (void) printf("tooloo-service [OPTIONS...] ID\n"
                      "\n"
                      "Runs the module of one service on the sockets that systemd hands over.\n"
                      "\n"
                      "  -h --help                Show this help\n"
                      "     --version             Show the version\n"
                      "     --modules=DIR         Where ID.so lies [" TL_MODULES_DIR "]\n"
                      "     --trial-timeout=MS    How long a new module may take to load and initialise\n"
                      "                           in its trial, 10..60000 [5000]\n"
                      "     --prove-after=MS      How long a module must run before it is the one to fall\n"
                      "                           back to, 100..600000 [10000]\n"
                      "     --head-timeout=MS     Limits for slow clients: from the first byte of a request to\n"
                      "     --body-timeout=MS     the end of its head, from there to the end of its body, between\n"
                      "     --idle-timeout=MS     two requests, and for reading an answer, 10..3600000\n"
                      "     --send-timeout=MS     [10000, 60000, 75000, 60000]\n"
                      "     --drain-timeout=MS    How long idle connections may ask once more at a stop [500]\n"
                      "     --answer-timeout=MS   Limits for services that requests are forwarded to, 10..3600000:\n"
                      "     --long-answer-timeout=MS  to the first byte of an answer [60000], the same under\n"
                      "     --restart-timeout=MS  /v1/ [600000] and during a restart [30000], between two\n"
                      "     --silence-timeout=MS  parts of an answer [300000], to that to a WebSocket's\n"
                      "     --handshake-timeout=MS  handshake [15000]\n"
                      "     --check FILE ID       Load FILE as the module of ID, initialise it, say why it fails\n"
                      "     --stopped ID          For ExecStopPost=: note whether the module was to blame\n"
                      "\n"
                      "SIGHUP reloads the module, SIGTERM ends the service after the requests in flight.\n"
                      "Exit status: 0 ended as asked, 1 failure, 2 wrong usage, 78 nothing to run (no module,\n"
                      "a module of another ABI, no sockets).\n");
}

enum {
        ARG_VERSION = 0x100,
        ARG_MODULES,
        ARG_CHECK,
        ARG_STOPPED,
        ARG_TRIAL,
        ARG_PROVE,
        ARG_HEAD,
        ARG_BODY,
        ARG_IDLE,
        ARG_SEND,
        ARG_DRAIN,
        ARG_ANSWER,
        ARG_LONG_ANSWER,
        ARG_RESTART,
        ARG_SILENCE,
        ARG_HANDSHAKE,
};

static const struct option long_options[] = {
        { "help",          no_argument,       NULL, 'h'         },
        { "version",       no_argument,       NULL, ARG_VERSION },
        { "modules",       required_argument, NULL, ARG_MODULES },
        { "check",         required_argument, NULL, ARG_CHECK   },
        { "stopped",       no_argument,       NULL, ARG_STOPPED },
        { "trial-timeout", required_argument, NULL, ARG_TRIAL   },
        { "prove-after",   required_argument, NULL, ARG_PROVE   },
        { "head-timeout",  required_argument, NULL, ARG_HEAD    },
        { "body-timeout",  required_argument, NULL, ARG_BODY    },
        { "idle-timeout",  required_argument, NULL, ARG_IDLE    },
        { "send-timeout",  required_argument, NULL, ARG_SEND    },
        { "drain-timeout", required_argument, NULL, ARG_DRAIN   },
        { "answer-timeout",      required_argument, NULL, ARG_ANSWER      },
        { "long-answer-timeout", required_argument, NULL, ARG_LONG_ANSWER },
        { "restart-timeout",     required_argument, NULL, ARG_RESTART     },
        { "silence-timeout",     required_argument, NULL, ARG_SILENCE     },
        { "handshake-timeout",   required_argument, NULL, ARG_HANDSHAKE   },
        { NULL },
};

static int parse_forward_option(ForwardTimeouts *t, int c) {
        switch (c) {
        case ARG_ANSWER:
                return parse_ms_option("answer-timeout", 10, 3600000, &t->answer);
        case ARG_LONG_ANSWER:
                return parse_ms_option("long-answer-timeout", 10, 3600000, &t->long_answer);
        case ARG_RESTART:
                return parse_ms_option("restart-timeout", 10, 3600000, &t->restart);
        case ARG_SILENCE:
                return parse_ms_option("silence-timeout", 10, 3600000, &t->silence);
        case ARG_HANDSHAKE:
                return parse_ms_option("handshake-timeout", 10, 3600000, &t->handshake);
        default:
                return -EINVAL;
        }
}

/* 1 to go on, 0 when done (help, version), negative errno after an error that has been said. */
static int parse_option(Options *o, int c) {
        switch (c) {
        case 'h':
                print_help();
                return 0;
        case ARG_VERSION:
                (void) printf("tooloo " TL_VERSION "\n");
                return 0;
        case ARG_MODULES:
                o->modules = optarg;
                return 1;
        case ARG_CHECK:
                o->check = optarg;
                return 1;
        case ARG_STOPPED:
                o->stopped = true;
                return 1;
        case ARG_TRIAL:
                return parse_ms_option("trial-timeout", 10, 60000, &o->trial);
        case ARG_PROVE:
                return parse_ms_option("prove-after", 100, 600000, &o->prove);
        case ARG_HEAD:
                return parse_ms_option("head-timeout", 10, 3600000, &o->timeouts.head);
        case ARG_BODY:
                return parse_ms_option("body-timeout", 10, 3600000, &o->timeouts.body);
        case ARG_IDLE:
                return parse_ms_option("idle-timeout", 10, 3600000, &o->timeouts.idle);
        case ARG_SEND:
                return parse_ms_option("send-timeout", 10, 3600000, &o->timeouts.send);
        case ARG_DRAIN:
                return parse_ms_option("drain-timeout", 0, 3600000, &o->timeouts.drain);
        default:
                return parse_forward_option(&o->timeouts.forward, c);
        }
}

int options_parse(Options *o, int argc, char *argv[]) {
        int c, r;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
                r = parse_option(o, c);
                if (r <= 0)
                        return r;
        }
        if (optind != argc - 1 || !service_id_valid(argv[optind])) {
                log_error("One service id ([a-z][a-z0-9-]*, at most 32 characters) is expected; see --help");
                return -EINVAL;
        }
        o->id = argv[optind];
        return 1;
}
