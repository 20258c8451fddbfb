/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shared/bus-util.h"
#include "shared/unit-usage.h"

/* The present run of every service, of metricsd in one question where systemd takes three a service. */
typedef struct Run {
        char *id;
        uint32_t pid;
        uint64_t active_since; /* monotonic usec */
        uint64_t memory;       /* bytes */
        MemorySource memory_source;
} Run;

/* Zeroed at first. Does not move between runs_ask() and runs_done(). */
typedef struct Runs {
        BusBatch batch;
        Run *items;
        size_t n;
} Runs;

/* Sends the question. While the connection runs, for this or for something else, the answer is taken in. */
int runs_ask(Runs *runs, sd_bus *bus);

/* Until the answer is there, or half a second long. A metricsd that does not run, or does not say, leaves it empty. Also for
 * one that was never asked for. */
int runs_wait(Runs *runs);
void runs_done(Runs *runs);

/* NULL where systemd has to be asked: metricsd does not know the service, it has been started again since it looked, or it
 * was restarted automatically (systemd's count of that can begin anew without a signal). So what is here is true: no fact
 * of a Run changes without a new invocation. */
const Run *runs_find(const Runs *runs, const char *id);
