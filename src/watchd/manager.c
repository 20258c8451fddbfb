/* SPDX-License-Identifier: MIT */
#include "watchd/manager.h"

#include <signal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "basic/signal-util.h"
#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "watchd/dev-target.h"
#include "watchd/own-services.h"
#include "watchd/source.h"
#include "watchd/status.h"
#include "watchd/watch-set.h"

struct Manager {
        const Options *options;
        sd_event *event;
        sd_event_source *inotify, *terminate;
        WatchSet *set;
        Status status;
        Source *source; /* NULL where no source tree was named */
        /* With --services alone: */
        sd_bus *bus;
        OwnServices *services;
        OwnServicesEvents events;
        DevTarget *dev;
        bool services_known, dev_known, dev_active;
        bool begun, stopping;
};

/* A handler that returns an error is switched off by sd-event; a watcher without one of its ears must end instead. */
static int end_on_failure(Manager *m, int r) {
        return r < 0 ? sd_event_exit(m->event, r) : 0;
}

static bool follows_services(const Manager *m) {
        return m->services && own_services_count(m->services) > 0;
}

/* What is wrong with the source tree was said. Where there is more to watch, that goes on. */
static int source_result(Manager *m, int r) {
        return r < 0 && !follows_services(m) ? sd_event_exit(m->event, r) : 0;
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;
        int r;

        r = watch_set_drain(m->set);
        if (r < 0)
                return end_on_failure(m, log_errno(r, "Cannot hear of changes any more"));
        if (m->services && !m->stopping)
                r = own_services_take(m->services);
        if (r < 0 || !m->source || m->stopping)
                return end_on_failure(m, r);
        return source_result(m, source_take(m->source));
}

/* SIGHUP: look at everything again, and build whether or not something changed. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;
        int r = 0;

        if (m->services)
                r = own_services_ask(m->services);
        if (r < 0 || !m->source || m->stopping)
                return end_on_failure(m, r);
        return source_result(m, source_is_started(m->source) || !m->dev_active ? source_ask(m->source) :
                                                                                 source_start(m->source));
}

/* --- The end --- */

static void on_source_stopped(void *userdata) {
        Manager *m = userdata;

        if (m->stopping || (!m->dev_active && !follows_services(m)))
                (void) sd_event_exit(m->event, 0); /* fails only in a loop that has ended */
        else if (!m->dev_active)
                status_clear_source(&m->status);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;

        (void) sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
        m->stopping = true;
        if (m->source && source_stop(m->source, on_source_stopped, m))
                return 0;
        return sd_event_exit(m->event, 0);
}

/* --- The beginning --- */

/* tooloo-dev.target was stopped. */
static void stop_source(Manager *m) {
        log_info("the source tree is no longer followed: tooloo-dev.target was stopped");
        if (!source_stop(m->source, on_source_stopped, m))
                on_source_stopped(m);
}

/* Once it is known what there is to do. */
static int begin(Manager *m) {
        int r = 0;

        m->begun = true;
        if (m->source && (!m->options->services || m->dev_active))
                r = source_start(m->source);
        if (r < 0 && !follows_services(m))
                return r;
        if (!m->source && !follows_services(m))
                log_notice("nothing to watch yet: no service has Watch= with an absolute path, and no source tree was named; run "
                           "\"toolooctl dev\" in one");
        if (!m->status.source)
                status_clear_source(&m->status);
        (void) sd_notify(0, "READY=1"); /* nobody may be listening */
        return 0;
}

static void try_to_begin(Manager *m) {
        if (!m->begun && m->services_known && m->dev_known)
                (void) end_on_failure(m, begin(m));
}

static void on_services_known(void *userdata) {
        Manager *m = userdata;

        m->services_known = true;
        try_to_begin(m);
}

/* The manager is gone, and what it started is to go, too. */
static void on_bus_lost(void *userdata) {
        Manager *m = userdata;

        log_error("the user's D-Bus is gone");
        (void) end_on_failure(m, -ENOTCONN);
}

static void on_dev_target(bool active, void *userdata) {
        Manager *m = userdata;
        bool was = m->dev_active;

        m->dev_known = true;
        m->dev_active = active;
        if (!m->begun)
                try_to_begin(m);
        else if (m->source && !m->stopping && active && !was)
                (void) source_result(m, source_start(m->source));
        else if (m->source && !m->stopping && !active && was)
                stop_source(m);
}

static int follow_services(Manager *m) {
        int r;

        m->events = (OwnServicesEvents) { on_services_known, on_bus_lost, m };
        r = bus_open_user(&m->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = own_services_new(m->event, m->bus, m->set, m->options, &m->status, &m->events, &m->services);
        if (r >= 0)
                r = dev_target_new(m->bus, on_dev_target, m, &m->dev);
        return r < 0 ? log_errno(r, "Cannot follow the services") : 0;
}

static int open_set(Manager *m) {
        int r = watch_set_new(&m->set);

        if (r == -EMFILE) {
                static const char text[] = "cannot watch anything: all inotify instances of this user are taken; allow more: "
                                           "sudo sysctl fs.inotify.max_user_instances=512";

                log_error("%s", text);
                status_set_source(&m->status, "%s", text);
        } else if (r < 0)
                (void) log_errno(r, "Cannot start");
        return r;
}

static int connect_events(Manager *m) {
        int r;

        r = sd_event_add_signal(m->event, &m->terminate, SIGTERM, on_stop, m);
        /* systemd sends it to the build as well, whose end is no failure then. */
        if (r >= 0)
                r = sd_event_source_set_priority(m->terminate, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGINT, on_stop, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGHUP, on_reload, m);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->inotify, watch_set_fd(m->set), EPOLLIN, on_inotify, m);
        /* A timer that is due must not start a build before the events that may change its mind were read. */
        if (r >= 0)
                r = sd_event_source_set_priority(m->inotify, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        return r < 0 ? log_errno(r, "Cannot set up the event loop") : 0;
}

static int prepare(Manager *m) {
        int r;

        r = block_signals((const int[]) { SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 });
        if (r >= 0)
                r = sd_event_default(&m->event);
        return r < 0 ? log_errno(r, "Cannot start") : open_set(m);
}

int manager_new(const Options *options, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return log_errno(-ENOMEM, "Cannot start");
        m->options = options;
        r = prepare(m);
        if (r >= 0 && options->source)
                r = source_new(m->event, m->set, options, &m->status, &m->source);
        if (r >= 0)
                r = connect_events(m);
        if (r >= 0)
                r = options->services ? follow_services(m) : begin(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int manager_run(Manager *m) {
        return sd_event_loop(m->event);
}

void manager_free(Manager *m) {
        if (m->source)
                source_free(m->source);
        if (m->dev)
                dev_target_free(m->dev);
        if (m->services)
                own_services_free(m->services);
        sd_event_source_disable_unref(m->inotify);
        sd_event_source_disable_unref(m->terminate);
        if (m->set)
                watch_set_free(m->set);
        sd_bus_flush_close_unref(m->bus);
        sd_event_unref(m->event);
        status_done(&m->status);
        free(m);
}
