/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "basic/string-util.h"
#include "config.h"
#include "shared/log.h"

#define ID "metricsd"
#define NAME "Metrics Daemon"

/* Says why it cannot run, to the journal and to systemctl status; returns error. */
static int fail(int error, const char *why) {
        log_error("%s", why);
        (void) sd_notifyf(false, "STATUS=%s", why);
        return error;
}

static void on_drained(void *userdata) {
        Manager *m = userdata;
        int r = sd_event_exit(m->event, EXIT_SUCCESS);

        if (r < 0)
                log_errno(r, "Cannot leave the event loop");
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Manager *m = userdata;

        (void) sd_notify(false, "STOPPING=1\nSTATUS=Answering what is in flight");
        server_drain(m->server, on_drained, m);
        return 0;
}

static int block_signals(void) {
        sigset_t set;

        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        if (sigemptyset(&set) < 0 || sigaddset(&set, SIGTERM) < 0 || sigaddset(&set, SIGINT) < 0 ||
            sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        return 0;
}

static int connect_events(Manager *m) {
        int r;

        r = sd_event_add_signal(m->event, NULL, SIGTERM, on_terminate, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGINT, on_terminate, m);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        return r;
}

static int tell_server(Manager *m, const char *not_ready) {
        return server_set_info(m->server, &(ServerInfo) { .id = ID, .name = NAME, .version = TL_VERSION,
                                                          .ready = !not_ready, .reason = not_ready });
}

static int serve(Manager *m) {
        _cleanup_(route_set_unrefp) RouteSet *set = NULL;
        _cleanup_(freep) char *reason = NULL;
        const HttpRoute *builtin;
        size_t n_builtin;
        int r;

        builtin = server_builtin_routes(&n_builtin);
        r = route_set_new(NULL, 0, builtin, n_builtin, m, 1, server_stats(m->server), &set, &reason);
        if (r < 0) {
                log_error("The route table is wrong: %s", strna(reason));
                return r;
        }
        route_set_set_builtin_state(set, m->server);
        return server_set_routes(m->server, set);
}

static int prepare(Manager *m) {
        int r;

        r = block_signals();
        if (r >= 0)
                r = sd_event_default(&m->event);
        if (r >= 0)
                r = connect_events(m);
        if (r >= 0)
                r = server_new(m->event, NULL, &m->server);
        if (r >= 0)
                r = tell_server(m, NULL);
        if (r >= 0)
                r = serve(m);
        return r < 0 ? log_errno(r, "Cannot start") : 0;
}

int manager_new(const Options *options, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        int r;

        if (!m)
                return log_errno(-ENOMEM, "Cannot start");
        m->options = options;
        r = prepare(m);
        if (r < 0)
                return r;
        r = server_take_sockets(m->server);
        if (r == 0)
                return fail(-EUCLEAN, "systemd handed over no listening socket: start it through its socket unit");
        if (r < 0)
                return log_errno(r, "Cannot take the listening sockets");
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        server_free(m->server);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

int manager_run(Manager *m) {
        int r;

        r = sd_notify(false, "READY=1");
        if (r >= 0)
                r = sd_event_loop(m->event);
        return r < 0 ? log_errno(r, "The event loop failed") : r;
}
