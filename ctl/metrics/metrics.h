/* SPDX-License-Identifier: MIT */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "ctl/ctl.h"

/* toolooctl-metrics: the verbs of toolooctl that ask metricsd. toolooctl becomes this program for them, with the
 * arguments as they were given. */

/* Options, by the letter that stands for each; without a value (yes or no) and with one. */
enum {
        OPT_JSON = 'j',
        OPT_ALL = 'a',
        OPT_DRY_RUN = 'D',
        OPT_NO_ACTION = 'N',
        OPT_TABLE = 'T',

        OPT_ACTION = 'A',
        OPT_COOLDOWN = 'c',
        OPT_DESCRIPTION = 'd',
        OPT_FOR = 'f',
        OPT_ID = 'i',
        OPT_KIND = 'k',
        OPT_LINES = 'n',
        OPT_MARGIN = 'g',
        OPT_METRIC = 'm',
        OPT_OPERATOR = 'o',
        OPT_PARAM = 'p', /* more than once */
        OPT_REASON = 'r',
        OPT_RULE = 'R',
        OPT_SERVICE = 'S',
        OPT_SEVERITY = 'y',
        OPT_SINCE = 's',
        OPT_STEP = 'e',
        OPT_THRESHOLD = 't',
        OPT_UNTIL = 'u',
        _OPT_MAX = 128,
};

typedef struct Metrics {
        Ctl ctl;
        const char *verb;            /* "alerts" */
        const char *help;            /* the command that says more: "toolooctl alerts --help" */
        const char *given[_OPT_MAX]; /* the values of the options given, "" where one takes none; NULL else */
        char **params;               /* of --param=, in the order given; the strings are argv's */
        size_t n_params;
        char **operands;             /* what is neither verb, command nor option; ends in NULL */
        size_t n_operands;
        uint64_t since, until;       /* realtime usec; 0 when it was not given */

        CURL *curl;
        unsigned port; /* metricsd's */
} Metrics;

/* Each returns an exit status, and has said what went wrong. */
int metrics_alerts_list(Metrics *m);
int metrics_alerts_rules(Metrics *m);
int metrics_alerts_add(Metrics *m);
int metrics_alerts_remove(Metrics *m);
int metrics_alerts_trigger(Metrics *m);
int metrics_alerts_silence(Metrics *m);
int metrics_alerts_silences(Metrics *m);
int metrics_alerts_unsilence(Metrics *m);
int metrics_history(Metrics *m);
int metrics_timeline(Metrics *m);
int metrics_errors(Metrics *m);

/* The help of a verb, NULL for one that is none of these. */
const char *metrics_help(const char *verb);

#define metrics_usage(m, ...) ctl_usage((m)->help, __VA_ARGS__)
