/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include <string.h>
#include <systemd/sd-daemon.h>

#include "alert-manager.h"
#include "basic/signal-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "journal-collector.h"
#include "port-taken.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "timeline.h"

#define NAME "Metrics Daemon"

/* How long a service that hangs may keep metricsd from being ready. */
#define READY_USEC USEC_PER_SEC
/* How long connections wait for that. */
#define HOLD_USEC (3 * USEC_PER_SEC)

/* Says why it cannot run, to the journal and to systemctl status; returns error. */
static int fail(int error, const char *why) {
        log_error("%s", why);
        (void) sd_notifyf(false, "STATUS=%s", why);
        return error;
}

/* --- Being ready --- */

static int tell_server(Manager *m) {
        return server_set_info(m->server, &(ServerInfo) {
                .id = METRICSD_ID, .name = NAME, .version = TL_VERSION, .ready = m->ready,
                .reason = m->ready ? NULL : "the state of the services is still being read" });
}

static void become_ready(Manager *m) {
        int r;

        m->ready = true;
        m->ready_deadline = sd_event_source_disable_unref(m->ready_deadline);
        r = tell_server(m);
        if (r < 0)
                log_errno(r, "Cannot say that it is ready");
        manager_tell_systemd(m);
        (void) sd_notify(false, "READY=1"); /* nobody may be listening */
        server_hold(m->server, false);
        timeline_begin(m);
}

/* From here on they are told that nothing is known yet. */
static int on_hold_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        server_hold(m->server, false);
        return 0;
}

/* Who asks right after a start or a crash gets the answer a moment later, not a refusal at once. */
static int hold_server(Manager *m) {
        server_hold(m->server, true);
        return sd_event_add_time_relative(m->event, &m->hold, CLOCK_MONOTONIC, HOLD_USEC, 0, on_hold_over, m);
}

/* The answers of what runs are waited for, so that the first look at the dashboard shows the truth; but not for long. */
static int on_ready_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        become_ready(userdata);
        return 0;
}

static void check_ready(Manager *m) {
        int r;

        if (m->ready || m->stopping || !fleet_is_loaded(m->fleet))
                return;
        if (manager_knows_all(m))
                become_ready(m);
        else if (!m->ready_deadline) {
                r = sd_event_add_time_relative(m->event, &m->ready_deadline, CLOCK_MONOTONIC, READY_USEC, 0,
                                               on_ready_deadline, m);
                if (r < 0)
                        log_errno(r, "Cannot set a limit for the first probes");
        }
}

void manager_watched_changed(Manager *m, Watched *w, unsigned changes) {
        ACCOUNT_CHARGE(NULL); /* it is not the collector's doing what follows from what it has found */

        port_taken_follow(m, w);
        if (condition_update(w))
                changes |= WATCHED_NEWS;
        timeline_follow(m, w);
        if (changes & WATCHED_HEALTH)
                manager_bus_announce(m, w);
        if (changes & WATCHED_NEWS)
                manager_have_news(m);
        alerts_follow(m->alerts, w);
        check_ready(m);
}

/* --- Time --- */

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        uint64_t begun = now_usec(), end;
        int r;

        if (m->stopping)
                return 0;
        self_tick(&m->self);
        manager_sample(m);
        alerts_tick(m->alerts);
        manager_keep(m);
        manager_have_news(m); /* what the sample has brought by then */
        /* What was missed in a sleep of the machine is not made up for; and where ticks take longer than their interval, what
         * only runs when nothing else does, as reading the journal, has as much time as they. */
        end = now_usec();
        m->next_tick = MAX(m->next_tick + m->options->interval, end + (end - begun));
        r = sd_event_source_set_time(m->tick, m->next_tick);
        return r < 0 ? r : sd_event_source_set_enabled(m->tick, SD_EVENT_ONESHOT);
}

static int on_turn(sd_event_source *source, void *userdata) {
        (void) account_charge(NULL);
        return 0;
}

static int add_timers(Manager *m) {
        int r;

        m->next_tick = now_usec() + m->options->interval;
        r = sd_event_add_time(m->event, &m->tick, CLOCK_MONOTONIC, m->next_tick, USEC_PER_MSEC, on_tick, m);
        if (r >= 0)
                r = sd_event_source_set_prepare(m->tick, on_turn);
        return r < 0 ? r : manager_add_news(m);
}

/* --- Begin and end --- */

static void on_drained(void *userdata) {
        Manager *m = userdata;
        int r = sd_event_exit(m->event, EXIT_SUCCESS);

        if (r < 0)
                log_errno(r, "Cannot leave the event loop");
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Manager *m = userdata;

        m->stopping = true;
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Answering what is in flight");
        server_drain(m->server, on_drained, m);
        return 0;
}

static int connect_events(Manager *m) {
        int r;

        r = sd_event_default(&m->event);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGTERM, on_terminate, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGINT, on_terminate, m);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        return r < 0 ? r : add_timers(m);
}

static void on_line(const JournalLine *line, void *userdata) {
        if (streq(line->event, "port-owner"))
                port_taken_told(userdata, line);
        else
                timeline_take_line(userdata, line);
}

/* The list is read by answers that come while the loop runs. */
static int follow_fleet(Manager *m) {
        int r;

        r = bus_open_user(&m->bus);
        if (r < 0)
                return fail(r, "Cannot follow the services without the user bus");
        r = manager_charge_bus(m);
        if (r >= 0)
                r = manager_bus_offer(m);
        if (r >= 0)
                r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = manager_start_collectors(m);
        if (r >= 0)
                journal_set_listener(m->journal, on_line, m);
        if (r >= 0)
                r = fleet_new(m->bus, &manager_fleet_events, m, &m->fleet);
        return r < 0 ? log_errno(r, "Cannot follow the services") : 0;
}

static int open_history(Manager *m) {
        int r = manager_open_history(m);

        if (r == -EUCLEAN)
                return fail(r, "There is nowhere to keep anything, for STATE_DIRECTORY= is not set: start it as a unit");
        if (r == -EPROTONOSUPPORT) { /* one line was logged */
                (void) sd_notify(false, "STATUS=The database is of a newer version of metricsd; install that again, or move "
                                        "the file away");
                return -EUCLEAN;
        }
        return r < 0 ? log_errno(r, "Cannot open the history") : 0;
}

static int start_alerts(Manager *m) {
        int r = alerts_new(m, &m->alerts);

        return r < 0 ? log_errno(r, "Cannot start the alert engine") : 0;
}

static int start_server(Manager *m) {
        int r;

        r = server_new(m->event, NULL, &m->server);
        if (r >= 0)
                r = tell_server(m);
        if (r >= 0)
                r = manager_serve(m);
        if (r < 0)
                return log_errno(r, "Cannot serve");
        manager_set_access(m);
        r = server_take_sockets(m->server);
        if (r == 0)
                return fail(-EUCLEAN, "systemd handed over no listening socket: start it through its socket unit");
        if (r > 0)
                r = hold_server(m);
        return r < 0 ? log_errno(r, "Cannot take the listening sockets") : 0;
}

int manager_new(const Options *options, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        int r;

        if (!m)
                return log_errno(-ENOMEM, "Cannot start");
        m->options = options;
        LIST_INIT(&m->live.clients);
        self_start(&m->self);
        r = block_signals((const int[]) { SIGTERM, SIGINT, 0 });
        if (r >= 0)
                r = connect_events(m);
        if (r < 0)
                return log_errno(r, "Cannot start");
        r = open_history(m);
        if (r >= 0)
                r = follow_fleet(m);
        if (r >= 0)
                r = start_alerts(m);
        if (r >= 0)
                r = start_server(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        m->stopping = true;
        m->alerts = alerts_free(m->alerts); /* answers the trigger that waits */
        m->server = server_free(m->server); /* before what its handlers use */
        manager_stop_collectors(m);
        fleet_free(m->fleet);
        manager_close_history(m);
        live_outdate(&m->live);
        sd_event_source_disable_unref(m->tick);
        sd_event_source_disable_unref(m->news);
        sd_event_source_disable_unref(m->ready_deadline);
        sd_event_source_disable_unref(m->hold);
        sd_bus_slot_unref(m->bus_slot);
        sd_bus_flush_close_unref(m->bus);
        sd_event_unref(m->event);
        free(m->status_text);
        free(m);
        return NULL;
}

int manager_run(Manager *m) {
        int r = sd_event_loop(m->event);

        return r < 0 ? log_errno(r, "The event loop ended") : r;
}
