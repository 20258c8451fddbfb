/* SPDX-License-Identifier: MIT */
#include "foundation/websocket-internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/log.h"

#define PING_AFTER_SEC 30
#define DEAD_AFTER_SEC 60
/* Of a handshake, while it lasts: a browser sends the cookies of every service on this host name. */
#define HEAD_MAX (16 * 1024)

/* Bytes that the kernel takes of a connection beyond what its client makes room for. */
#define UNSENT_MAX (64 * 1024)

#define UV_TURNS_TO_END 10000

/* Not from within lws: whoever is told may destroy the whole. */
static void report_closed(void *userdata) {
        Ws *ws = userdata;

        if (!ws->any_closed || ws->destroying)
                return;
        ws->any_closed = false;
        ws->closed(ws->userdata);
}

static void on_turned(void *userdata) {
        close_ended(userdata);
}

/* --- The operations --- */

static void log_lws(int level, const char *line) {
        log_msg(level == LLL_ERR ? LOG_WARNING : LOG_DEBUG, "libwebsockets: %.*s", (int) strcspn(line, "\n"), line);
}

static int create_context(Ws *ws) {
        static const lws_retry_bo_t liveness = {
                .secs_since_valid_ping = PING_AFTER_SEC,
                .secs_since_valid_hangup = DEAD_AFTER_SEC,
        };
        void *loops[] = { &ws->nest.loop };
        struct lws_context_creation_info info = {
                .port = CONTEXT_PORT_NO_LISTEN,
                .protocols = ws->protocols,
                /* Without a loop from outside lws's libuv plugin takes SIGTERM for itself; its own poll loop costs
                 * time in proportion to the open connections. */
                .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                        LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
                .foreign_loops = loops,
                .max_http_header_data = HEAD_MAX,
                .retry_and_idle_policy = &liveness,
                .pcontext = &ws->context,
                .user = ws,
        };

        lws_set_log_level(LLL_ERR | LLL_WARN, log_lws);
        /* Unless told lws gives the kernel 4 KiB at a time, and copies what is left of a frame. */
        ws->protocols[0] = (struct lws_protocols) { .name = "", .callback = on_lws, .tx_packet_size = WS_FRAME_MAX };
        ws->protocols[1] = ws->protocols[0];
        ws->protocols[1].name = ws->subprotocol;
        ws->context = lws_create_context(&info);
        if (!ws->context)
                return -EIO; /* lws has logged why */
        ws->vhost = lws_get_vhost_by_name(ws->context, "default");
        return ws->vhost ? 0 : -ENXIO;
}

/* uv closes a handle in a later turn of the loop, and lws frees what belongs to it then; its context it frees when
 * asked a second time, after the last handle. */
static void destroy_context(Ws *ws) {
        for (unsigned asked = 0; ws->context && asked < 3; asked++) {
                lws_context_destroy(ws->context);
                for (unsigned i = 0; i < UV_TURNS_TO_END && uv_run(&ws->nest.loop, UV_RUN_NOWAIT) != 0; i++)
                        ;
        }
        if (ws->context)
                log_warning("libwebsockets did not end its context");
}

static Ws *ws_destroy(Ws *ws) {
        if (!ws)
                return NULL;
        ws->destroying = true;
        if (ws->context)
                destroy_context(ws);
        if (uv_nest_done(&ws->nest) < 0)
                log_warning("The event loop of libwebsockets still had something open at its end");
        sd_event_unref(ws->event);
        free(ws);
        return NULL;
}
TL_DEFINE_CLEANUP(Ws *, ws_destroy)

static int ws_create(sd_event *event, void (*closed)(void *userdata), void *userdata, Ws **ret) {
        _cleanup_(ws_destroyp) Ws *ws = calloc(1, sizeof(Ws));
        int r;

        if (!ws)
                return -ENOMEM;
        ws->event = sd_event_ref(event);
        ws->closed = closed;
        ws->userdata = userdata;
        LIST_INIT(&ws->connections);
        LIST_INIT(&ws->ended);
        ws->nest.turned = on_turned;
        ws->nest.done = report_closed;
        ws->nest.userdata = ws;
        r = uv_nest_init(&ws->nest, event);
        if (r < 0)
                return r;
        r = create_context(ws);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ws);
        return 0;
}

static int ws_adopt(Ws *ws, int fd, RouteSet *set, const HttpRoute *route, const char *path) {
        static const int unsent = UNSENT_MAX;
        _cleanup_(connection_freep) Connection *c = NULL;
        int r;

        /* Else it takes megabytes for a client that does not read, and what that gets to read at last is old. */
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
        r = connection_new(ws, set, route, path, &c);
        if (r < 0) {
                safe_close(fd);
                return r;
        }
        c->lws = lws_adopt_socket_vhost(ws->vhost, fd); /* closes fd when it fails */
        if (!c->lws)
                return -ENOMEM;
        lws_set_opaque_user_data(c->lws, c);
        TAKE_PTR(c);
        return 0;
}

/* True when clients who connect anew would find the endpoint. */
static bool has_endpoint(const RouteSet *set, const char *path) {
        RouteMatch match;
        bool found;

        if (route_match(set, METHOD_WS, path, &match) < 0)
                return true; /* out of memory is no reason to cut anybody off */
        found = match.route;
        route_match_done(&match);
        return found;
}

static void ws_rebind(Ws *ws, RouteSet *set) {
        Connection *c;

        LIST_FOREACH(c, &ws->connections, entries) {
                const HttpRoute *next = route_set_successor(set, c->public.route);
                RouteSet *old = c->public.set;

                if (next) {
                        c->public.set = route_set_ref(set);
                        c->public.route = next;
                        route_set_unref(old);
                } else if (!has_endpoint(set, c->public.path))
                        connection_close(c, 1012, "service restart");
        }
}

static void ws_close_all(Ws *ws, uint16_t code, const char *reason) {
        Connection *c;

        LIST_FOREACH(c, &ws->connections, entries)
                connection_close(c, code, reason);
}

static unsigned ws_count(const Ws *ws) {
        return ws->n_connections;
}

static int ws_conn_send(WsConn *conn, WsMessage *message, bool latest) {
        return connection_send((Connection *) conn, message, latest);
}

static void ws_conn_close(WsConn *conn, uint16_t code, const char *reason) {
        connection_close((Connection *) conn, code, reason);
}

static size_t ws_conn_queued(const WsConn *conn) {
        return ((const Connection *) conn)->queue.waiting;
}

static uint64_t ws_conn_sent(const WsConn *conn) {
        return ((const Connection *) conn)->sent;
}

const WsOps tooloo_websocket_ops = {
        .create = ws_create,
        .destroy = ws_destroy,
        .adopt = ws_adopt,
        .rebind = ws_rebind,
        .close_all = ws_close_all,
        .count = ws_count,
        .send = ws_conn_send,
        .close = ws_conn_close,
        .queued = ws_conn_queued,
        .sent = ws_conn_sent,
};
