/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* The command line of tooloo-metricsd. */
typedef struct Options {
        uint64_t interval; /* usec between two probes of a service and between two updates of the dashboard */
        uint64_t timeout;  /* usec that a probe may take */
        uint64_t action;   /* usec that an action of an alert may take, with the proof of health after it */
        uint64_t webhook_retry;  /* usec after the first try of a webhook that failed */
        uint64_t webhook_repeat; /* usec after which an Alertmanager is told again of what is active */
} Options;

Options options_default(void);

/* 1 to go on, 0 when all is done (--help, --version), negative errno after an error that has been said. */
int options_parse(Options *o, int argc, char *argv[]);
