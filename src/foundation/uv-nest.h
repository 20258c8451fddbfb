/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h" /* first, for uv.h brings in <sys/param.h> */

#include <stdbool.h>
#include <systemd/sd-event.h>
#include <uv.h>

/* The loop of libuv inside that of sd-event, for libwebsockets: what it can be nested in is libuv's. */
typedef struct UvNest {
        uv_loop_t loop;
        bool initialized;
        sd_event_source *io;
        sd_event_source *timer;
        sd_event_source *again; /* a timer that is over: turns the uv loop once more without waiting */
        int64_t timer_at;       /* in uv's time (ms), 0 when the timer is off */
        void (*turned)(void *userdata); /* after each turn of the uv loop; may be NULL */
        void (*done)(void *userdata);   /* after the last of them, when it may be ended; may be NULL */
        void *userdata;
} UvNest;

/* nest is zeroed but for the last three. It must not move, and is ended by uv_nest_done(), also after a failure. */
int uv_nest_init(UvNest *nest, sd_event *event);

/* -EBUSY when something in the loop is still open; it is left then. */
int uv_nest_done(UvNest *nest);
