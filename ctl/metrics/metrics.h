/* SPDX-License-Identifier: MIT */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "ctl/command-line.h"

/* toolooctl-metrics: the verbs of toolooctl that ask metricsd. toolooctl becomes this program for them, with the
 * arguments as they were given. */

typedef struct Metrics {
        Ctl ctl; /* first: the verbs get it, and this with it */
        char **operands; /* of the verb, or behind a command of "alerts"; ends in NULL */
        size_t n_operands;

        CURL *curl;
        unsigned port; /* metricsd's */
} Metrics;

/* Each returns an exit status, and has said what went wrong. */
int metrics_alerts_list(Ctl *ctl);
int metrics_alerts_rules(Ctl *ctl);
int metrics_alerts_add(Ctl *ctl);
int metrics_alerts_remove(Ctl *ctl);
int metrics_alerts_trigger(Ctl *ctl);
int metrics_alerts_silence(Ctl *ctl);
int metrics_alerts_silences(Ctl *ctl);
int metrics_alerts_unsilence(Ctl *ctl);
int metrics_history(Metrics *m);
int metrics_timeline(Metrics *m);
int metrics_errors(Metrics *m);
