/* SPDX-License-Identifier: MIT */
#include "foundation/server.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/random.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "foundation/gate.h"
#include "foundation/object.h"
#include "shared/log.h"

#define CONNECTIONS_MAX 8192
#define MHD_IDLE_RUNS 16 /* some runs only write */
#define MHD_LATER_USEC USEC_PER_MSEC
/* How long clients may take, after the drain, for what they have begun: less than TimeoutStopSec= of the units. */
#define FINISH_USEC (6 * USEC_PER_SEC)

/* Without it libmicrohttpd 1.0 adds a connection at its next run, and announces it when nobody knows whose it is. */
#if MHD_VERSION >= 0x00097707
#define ONE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define ONE_THREAD 0
#endif

/* Later versions refuse by themselves what guard.c refuses for 0.9.75. */
static const struct MHD_OptionItem strictness[] = {
#if MHD_VERSION >= 0x00097701
        { MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL },
#endif
        { MHD_OPTION_END, 0, NULL },
};

const ServerTimeouts server_timeouts_default = {
        .head = 10 * USEC_PER_SEC,
        .body = 60 * USEC_PER_SEC,
        .idle = 75 * USEC_PER_SEC,
        .send = 60 * USEC_PER_SEC,
        .drain = 500 * USEC_PER_MSEC,
        .forward = {
                .answer = 60 * USEC_PER_SEC,
                .long_answer = 600 * USEC_PER_SEC,
                .restart = 30 * USEC_PER_SEC,
                .silence = 300 * USEC_PER_SEC,
                .handshake = 15 * USEC_PER_SEC,
        },
};

static void mhd_log(void *cls, const char *format, va_list ap) _printf_(2, 0);
static void mhd_log(void *cls, const char *format, va_list ap) {
        _cleanup_(freep) char *message = str_vprintf(format, ap);

        if (message)
                message[strcspn(message, "\n")] = '\0';
        log_debug("libmicrohttpd: %s", strna(message));
}

/* MHD 0.9.75 has more to do, and does nothing, for as long as a line of a chunked body does not fit its buffer. */
static void run_mhd_later(Server *server) {
        int r = sd_event_source_set_time_relative(server->mhd_later, MHD_LATER_USEC);

        if (r >= 0)
                r = sd_event_source_set_enabled(server->mhd_later, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(r, "Cannot schedule HTTP work");
}

static void run_mhd(Server *server) {
        unsigned MHD_LONG_LONG timeout;

        /* A handler may ask for it from within. */
        if (server->mhd_running)
                return;
        server->mhd_running = true;
        (void) MHD_run(server->mhd); /* fails after MHD_stop_daemon alone */
        server->mhd_running = false;
        /* No time limit is MHD's here (connection.c has them), so a timeout can only be 0: there is more to do
         * now. */
        if (MHD_get_timeout(server->mhd, &timeout) == MHD_YES && timeout == 0) {
                if (server->mhd_idle_runs++ < MHD_IDLE_RUNS)
                        server_run_mhd_soon(server);
                else
                        run_mhd_later(server);
        }
        server_check_drained(server);
}

static int on_mhd_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        run_mhd(userdata);
        return 0;
}

static int on_mhd_again(sd_event_source *source, void *userdata) {
        run_mhd(userdata);
        return 0;
}

static int on_mhd_later(sd_event_source *source, uint64_t usec, void *userdata) {
        run_mhd(userdata);
        return 0;
}

void server_run_mhd_soon(Server *server) {
        int r = sd_event_source_set_enabled(server->mhd_again, SD_EVENT_ONESHOT);

        if (r < 0)
                log_errno(r, "Cannot schedule HTTP work");
}

static int add_mhd_turns(Server *server) {
        int r;

        r = sd_event_add_defer(server->event, &server->mhd_again, on_mhd_again, server);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(server->mhd_again, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* After all that waits: a source that is pending at every turn would keep sources of its own priority out. */
        r = sd_event_source_set_priority(server->mhd_again, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(server->event, &server->mhd_later, CLOCK_MONOTONIC, 0, 1, on_mhd_later,
                                       server);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(server->mhd_later, SD_EVENT_OFF);
}

static int start_mhd(Server *server) {
        const union MHD_DaemonInfo *info;
        int r;

        server->mhd = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                        ONE_THREAD,
                0, NULL, NULL,
                request_continue, server, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, NULL, MHD_OPTION_URI_LOG_CALLBACK,
                request_begin, server, MHD_OPTION_NOTIFY_COMPLETED, request_completed, server,
                MHD_OPTION_NOTIFY_CONNECTION, connection_notify, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX,
                MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_ARRAY, strictness, MHD_OPTION_END);
        if (!server->mhd)
                return -ENOMEM;
        info = MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info || info->epoll_fd < 0)
                return -EOPNOTSUPP;
        r = sd_event_add_io(server->event, &server->mhd_source, info->epoll_fd, EPOLLIN, on_mhd_ready, server);
        if (r < 0)
                return r;
        return add_mhd_turns(server);
}

int server_new(sd_event *event, const ServerTimeouts *timeouts, Server **ret) {
        _cleanup_(server_freep) Server *server = calloc(1, sizeof(Server));
        int r;

        if (!server)
                return -ENOMEM;
        server->event = sd_event_ref(event);
        server->timeouts = timeouts ? *timeouts : server_timeouts_default;
        server->started = now_usec();
        for (unsigned i = 0; i < _CONN_STATE_MAX; i++)
                TAILQ_INIT(&server->conns[i]);
        LIST_INIT(&server->streams);
        TAILQ_INIT(&server->refused);
        /* Request ids of two processes must differ; the prefix need not be secret. */
        if (getrandom(&server->request_id_prefix, sizeof(server->request_id_prefix), GRND_NONBLOCK) < 0)
                server->request_id_prefix = now_realtime_usec();
        r = gate_new(server, &server->gate);
        if (r < 0)
                return r;
        r = stats_new(&server->stats);
        if (r < 0)
                return r;
        r = start_mhd(server);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(server);
        return 0;
}

Server *server_free(Server *server) {
        if (!server)
                return NULL;
        for (size_t i = 0; i < server->n_listeners; i++) {
                sd_event_source_disable_unref(server->listeners[i].source);
                safe_close(server->listeners[i].fd);
        }
        if (server->ws)
                server->ws_ops->destroy(server->ws);
        refused_close_all(server);
        gate_close(server->gate);
        streams_end_all(server);
        requests_give_up(server);
        /* MHD 0.9.75 aborts the process when it is stopped with a suspended connection. Ending the streams has
         * resumed theirs, this gives up the requests whose answer has not come. */
        for (unsigned i = 0; i < _CONN_STATE_MAX; i++)
                for (Conn *c = TAILQ_FIRST(&server->conns[i]), *next; c; c = next) {
                        next = TAILQ_NEXT(c, entries);
                        if (c->request && c->request->suspended)
                                request_wake(c->request);
                        conn_abort(c);
                }
        sd_event_source_disable_unref(server->mhd_source); /* before MHD closes its descriptor */
        if (server->mhd)
                MHD_stop_daemon(server->mhd);
        sd_event_source_disable_unref(server->mhd_again);
        sd_event_source_disable_unref(server->mhd_later);
        sd_event_source_disable_unref(server->accept_retry);
        sd_event_source_disable_unref(server->sweep);
        sd_event_source_disable_unref(server->drain_timer);
        sd_event_source_disable_unref(server->proxy_load_timer);
        if (server->proxy)
                server->proxy_ops->destroy(server->proxy); /* after MHD, which ends the exchanges */
        route_set_unref(server->routes);
        stats_free(server->stats);
        gate_free(server->gate);
        free(server->id);
        free(server->name);
        free(server->version);
        free(server->reason);
        sd_event_unref(server->event);
        free(server);
        return NULL;
}

static int replace_string(char **s, const char *value) {
        char *copy = NULL;

        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(*s);
        *s = copy;
        return 0;
}

int server_set_info(Server *server, const ServerInfo *info) {
        if (replace_string(&server->id, info->id) < 0 || replace_string(&server->name, info->name) < 0 ||
            replace_string(&server->version, info->version) < 0 || replace_string(&server->reason, info->reason) < 0)
                return -ENOMEM;
        server->ready = info->ready;
        return 0;
}

Stats *server_stats(Server *server) {
        return server->stats;
}

unsigned server_connections(const Server *server) {
        return server->n_conns + (server->ws ? server->ws_ops->count(server->ws) : 0) +
                (server->proxy ? server->proxy_ops->tunnels(server->proxy) : 0);
}

static void on_websocket_closed(void *userdata) {
        server_check_drained(userdata);
}

/* The object is never unloaded: libwebsockets keeps state of the process that dlclose would not take back. */
static int load_websocket_support(Server *server) {
        const WsOps *ops;
        void *object;

        object = object_load(TL_PKGLIB_DIR "/tooloo-websocket.so");
        if (!object) {
                log_error("Cannot load WebSocket support: %s", dlerror());
                return -ELIBACC;
        }
        ops = dlsym(object, WEBSOCKET_OPS_SYMBOL);
        if (!ops) {
                log_error("Cannot load WebSocket support: %s", dlerror());
                return -ELIBBAD;
        }
        server->ws_ops = ops;
        return ops->create(server->event, on_websocket_closed, server, &server->ws);
}

int server_set_routes(Server *server, RouteSet *set) {
        if (!server->ws && route_set_has_websocket(set)) {
                int r = load_websocket_support(server);

                if (r < 0)
                        return r;
        }
        route_set_set_builtin_state(set, server);
        route_set_unref(server->routes);
        server->routes = route_set_ref(set);
        streams_rebind(server, set);
        if (server->ws)
                server->ws_ops->rebind(server->ws, set);
        return 0;
}

/* Until no connection is left. Not "until no request is in flight": of a request that still lies in the kernel's
 * buffer nobody here knows yet. */
void server_check_drained(Server *server) {
        void (*drained)(void *userdata) = server->drained;

        if (!server->draining || !drained || server_connections(server) > 0)
                return;
        server->drained = NULL;
        drained(server->drained_userdata);
}

static int on_finish_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Server *server = userdata;
        void (*drained)(void *userdata) = TAKE_PTR(server->drained);

        log_warning("Ending with %u connections still open: their clients do not read or do not finish their request",
                    server_connections(server));
        if (drained)
                drained(server->drained_userdata);
        return 0;
}

static int set_drain_timer(Server *server, uint64_t usec, sd_event_time_handler_t handler) {
        server->drain_timer = sd_event_source_disable_unref(server->drain_timer);
        return sd_event_add_time_relative(server->event, &server->drain_timer, CLOCK_MONOTONIC, usec,
                                          10 * USEC_PER_MSEC, handler, server);
}

/* Who has not asked by now is let go; what has been asked is answered. */
static int on_drain_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Server *server = userdata;
        int r;

        conn_close_idle(server);
        r = set_drain_timer(server, FINISH_USEC, on_finish_over);
        if (r < 0) {
                log_errno(r, "Cannot set a timer for the drain, ending at once");
                return on_finish_over(NULL, 0, server);
        }
        server_check_drained(server);
        return 0;
}

void server_drain(Server *server, void (*drained)(void *userdata), void *userdata) {
        int r;

        if (server->draining)
                return;
        server->draining = true;
        server->drained = drained;
        server->drained_userdata = userdata;
        /* Who comes now waits in the backlog for the next process; an EventSource or a WebSocket that we end would
         * else be back at once, again and again. */
        listeners_pause(server);
        refused_close_all(server);
        if (server->ws)
                server->ws_ops->close_all(server->ws, 1012, "service restart");
        streams_end_all(server);
        if (server->proxy)
                server->proxy_ops->drain(server->proxy);
        r = set_drain_timer(server, server->timeouts.drain, on_drain_over);
        if (r < 0) {
                log_errno(r, "Cannot set a timer for the drain, ending at once");
                (void) on_drain_over(NULL, 0, server);
                return;
        }
        server_check_drained(server);
}
