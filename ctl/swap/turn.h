/* SPDX-License-Identifier: MIT */
#pragma once

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* Waiting for the bus, a transfer and Ctrl-C at once, in a program that does one thing after the other. */
typedef struct Turn {
        sd_bus *bus; /* the caller's */
        CURLM *multi;
        int signals;          /* SIGINT, SIGTERM and SIGHUP, which are blocked meanwhile */
        sigset_t before;      /* what was blocked before */
        unsigned interrupted; /* how many of them came */
        bool told;            /* what the first of them leads to */
} Turn;

int turn_init(Turn *t, sd_bus *bus);
void turn_done(Turn *t);

/* Does what there is to do. When that was nothing, waits until there is something, or until that moment (monotonic usec). The
 * second signal ends the program. */
int turn_run(Turn *t, uint64_t until);
