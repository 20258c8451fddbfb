/* SPDX-License-Identifier: MIT */
#include "probe-times.h"

/* Seconds. Around 1 ms lies an answer of our own services, at 1 s begins what is too slow, at 5 s ends a probe. */
static const HistogramBound bounds[PROBE_BOUNDS] = {
        { 0.001, "0.001" }, { 0.002, "0.002" }, { 0.005, "0.005" }, { 0.01, "0.01" },
        { 0.05, "0.05" }, { 0.2, "0.2" }, { 1, "1.0" }, { 5, "5.0" },
};

void probe_times_add(ProbeTimes *times, double seconds) {
        size_t i = 0;

        while (i < PROBE_BOUNDS && seconds > bounds[i].value)
                i++;
        times->counts[i]++;
        times->sum += seconds;
}

Histogram probe_times_histogram(const ProbeTimes *times) {
        return (Histogram) { .bounds = bounds, .n_bounds = PROBE_BOUNDS, .counts = times->counts, .sum = times->sum };
}
