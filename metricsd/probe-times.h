/* SPDX-License-Identifier: MIT */
#pragma once

#include "exposition.h"

/* How long the probes of one service took, for /metrics: of all since metricsd began, over restarts of the service. */

enum { PROBE_BOUNDS = 8 };

/* All zero is a valid start. */
typedef struct ProbeTimes {
        uint64_t counts[PROBE_BOUNDS + 1];
        double sum; /* seconds */
} ProbeTimes;

void probe_times_add(ProbeTimes *times, double seconds);
/* Points into times. */
Histogram probe_times_histogram(const ProbeTimes *times);
