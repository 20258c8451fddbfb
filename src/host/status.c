/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "basic/string-util.h"
#include "host/host.h"
#include "shared/log.h"

/* Connections come and go by the thousand; the line in systemctl status is for people. */
#define STATUS_EVERY_USEC (2 * USEC_PER_SEC)

#define CLOCK_MAX sizeof("15:04:05")

static void clock_time(char buf[static CLOCK_MAX], uint64_t realtime_usec) {
        time_t t = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&t, &tm) || strftime(buf, CLOCK_MAX, "%H:%M:%S", &tm) == 0)
                *buf = '\0';
}

void host_status_update(Host *host) {
        char when[CLOCK_MAX] = "", reloaded[64] = "", retiring[64] = "";
        unsigned connections = server_connections(host->server);
        int r;

        if (host->stopping || !host->current)
                return;
        if (host->last_reload > 0) {
                clock_time(when, host->last_reload);
                (void) snprintf(reloaded, sizeof(reloaded), ", reloaded at %s in %.1f ms", when,
                                (double) host->last_pause / (double) USEC_PER_MSEC);
        }
        if (host->n_retiring > 0)
                (void) snprintf(retiring, sizeof(retiring), ", %u older still answering", host->n_retiring);
        r = sd_notifyf(false, "STATUS=Generation %lu%s, %u connection%s%s%s%s",
                       (unsigned long) host->current->service.number, retiring, connections,
                       connections == 1 ? "" : "s", reloaded, host->last_problem ? "; " : "",
                       host->last_problem ? host->last_problem : "");
        if (r < 0)
                log_debug("Cannot tell systemd the status: %s", strerror(-r));
        host->status_connections = connections;
}

static int on_status_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Host *host = userdata;

        host->status_timer = sd_event_source_disable_unref(host->status_timer);
        host_status_update(host);
        return 0;
}

/* Runs after every turn of the loop that did something; mostly it finds nothing to do. */
static int on_turn(sd_event_source *source, void *userdata) {
        Host *host = userdata;

        if (host->status_timer || host->stopping || server_connections(host->server) == host->status_connections)
                return 0;
        return sd_event_add_time_relative(host->event, &host->status_timer, CLOCK_MONOTONIC, STATUS_EVERY_USEC,
                                          USEC_PER_SEC, on_status_timer, host);
}

int host_status_start(Host *host) {
        host_status_update(host);
        return sd_event_add_post(host->event, &host->status_post, on_turn, host);
}
