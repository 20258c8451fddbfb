/* SPDX-License-Identifier: MIT */
#include "foundation/uv-nest.h"

#include <sys/epoll.h>

#define TIMER_ACCURACY_USEC (100 * USEC_PER_MSEC)
/* lws asks for a second turn of the uv loop after each with an event. */
#define UV_TURNS_AT_ONCE 4

static void turn(UvNest *nest) {
        for (unsigned i = 0; i < UV_TURNS_AT_ONCE; i++) {
                (void) uv_run(&nest->loop, UV_RUN_NOWAIT);
                if (nest->turned)
                        nest->turned(nest->userdata);
                if (uv_backend_timeout(&nest->loop) != 0)
                        break;
        }
        if (nest->done)
                nest->done(nest->userdata);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        turn(userdata);
        return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        turn(userdata);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        UvNest *nest = userdata;

        nest->timer_at = 0;
        turn(nest);
        return 0;
}

/* Before sd-event waits: libuv changes its epoll set only when it runs, and keeps its timers to itself. */
static int on_prepare(sd_event_source *source, void *userdata) {
        UvNest *nest = userdata;
        int64_t at;
        int timeout, r;

        uv_update_time(&nest->loop);
        timeout = uv_backend_timeout(&nest->loop);
        if (timeout == 0) {
                r = sd_event_source_set_time(nest->again, 0);
                return r < 0 ? r : sd_event_source_set_enabled(nest->again, SD_EVENT_ONESHOT);
        }
        if (timeout < 0)
                return 0;
        at = (int64_t) uv_now(&nest->loop) + timeout;
        if (at == nest->timer_at)
                return 0;
        /* uv's time is CLOCK_MONOTONIC in whole milliseconds. */
        r = sd_event_source_set_time(nest->timer, (uint64_t) at * USEC_PER_MSEC);
        if (r < 0)
                return r;
        nest->timer_at = at;
        return sd_event_source_set_enabled(nest->timer, SD_EVENT_ONESHOT);
}

int uv_nest_init(UvNest *nest, sd_event *event) {
        int r;

        r = uv_loop_init(&nest->loop); /* a negative errno, as libuv's errors are */
        if (r < 0)
                return r;
        nest->initialized = true;
        r = sd_event_add_io(event, &nest->io, uv_backend_fd(&nest->loop), EPOLLIN, on_ready, nest);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &nest->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_USEC, on_timer, nest);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(nest->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* A timer that is over, for a deferred source counts as the one that has waited longest: one that is
         * wanted at every turn would keep all others of its priority out, and with a lower priority it might never
         * be its turn. */
        r = sd_event_add_time(event, &nest->again, CLOCK_MONOTONIC, 0, 1, on_again, nest);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(nest->again, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_source_set_prepare(nest->io, on_prepare);
}

int uv_nest_done(UvNest *nest) {
        nest->io = sd_event_source_disable_unref(nest->io);
        nest->timer = sd_event_source_disable_unref(nest->timer);
        nest->again = sd_event_source_disable_unref(nest->again);
        if (!nest->initialized)
                return 0;
        nest->initialized = false;
        return uv_loop_close(&nest->loop);
}
