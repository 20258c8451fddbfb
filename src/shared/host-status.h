/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/bus-util.h"

/* What the host of a native service says of itself on D-Bus; see shared/service-bus.h for the meaning of the fields.
 * */
typedef struct HostStatus {
        bool known; /* it answered; nothing below is set else */
        bool hangs; /* it is on the bus, but did not answer in time */
        char *version;
        uint64_t generation;
        uint32_t retiring;
        uint32_t connections;
        uint64_t requests;
        uint64_t errors;
        uint64_t last_reload; /* realtime usec */
        uint64_t last_pause;  /* usec */
        char *last_result;
        char *last_problem;
        char *module_file; /* what a reload loads; NULL from a host that is older than this */
        char *loaded_file; /* its own copy of what it runs; NULL likewise, "" for none */
} HostStatus;

/* Asks within a batch; ret must outlive the wait. A host that is not there, or hangs, fails nothing. */
int host_status_ask(BusBatch *batch, const char *id, HostStatus *ret);
void host_status_done(HostStatus *h);
