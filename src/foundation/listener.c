/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "foundation/gate.h"
#include "shared/log.h"

/* The head of a handshake, with the cookies of every service on this host name, must fit whole: which page it comes from
 * may stand at its end. What is longer is HTTP's to refuse. */
#define PEEK_MAX (16 * 1024)
#define ACCEPT_AT_ONCE 64
#define ACCEPT_RETRY_USEC (100 * USEC_PER_MSEC)

/* Gives the descriptor to MHD, which closes it whatever happens. */
int conn_hand_to_mhd(Conn *conn) {
        Server *server = conn->server;
        struct sockaddr_storage peer = {};
        socklen_t size = sizeof(peer);
        enum MHD_Result ok;

        conn->peek_source = sd_event_source_disable_unref(conn->peek_source);
        conn_enter(conn, CONN_IDLE);
        if (getpeername(conn->fd, (struct sockaddr *) &peer, &size) < 0) {
                safe_close(conn->fd); /* the client is gone already */
                conn_free(conn);
                return 0;
        }
        server->adopting = conn;
        ok = MHD_add_connection(server->mhd, conn->fd, (struct sockaddr *) &peer, size);
        if (ok != MHD_YES) {
                int r = -errno;

                /* Where MHD failed late it has told connection_notify() of the start and of the end. */
                if (server->adopting)
                        conn_free(TAKE_PTR(server->adopting));
                return r;
        }
        return 0;
}

/* The value of a header in an incomplete head, up to its line's end. */
static const char *find_header(const char *head, const char *name, size_t *ret_size) {
        size_t n = strlen(name);

        for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
                if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
                        const char *value = line + 3 + n;

                        value += strspn(value, " \t");
                        *ret_size = strcspn(value, "\r\n");
                        return value;
                }
        return NULL;
}

/* Also one with bare LFs, which no handshake has: there is nothing to wait for. */
static bool is_complete(const char *head, size_t size) {
        return memmem(head, size, "\n\r\n", 3) || memmem(head, size, "\n\n", 2);
}

static bool is_handshake(const char *head) {
        const char *value;
        size_t size;

        value = find_header(head, "Upgrade", &size);
        return value && size == strlen("websocket") && strncasecmp(value, "websocket", size) == 0;
}

/* Hands the connection to libwebsockets when its first request is a handshake for a route that has a WebSocket.
 * 1 when it did; else the connection is still the caller's. */
static int try_websocket(Conn *conn, const char *head) {
        Server *server = conn->server;
        const char *target = startswith(head, "GET ");
        _cleanup_(freep) char *path = NULL;
        RouteMatch match;
        int fd = conn->fd, r;

        if (!target || !is_handshake(head))
                return 0;
        path = strndup(target, strcspn(target, " ?\r\n"));
        if (!path)
                return -ENOMEM;
        if (server->proxying && server->proxy_ops->claims(server->proxy, path)) {
                conn_free(conn);
                server->proxy_ops->tunnel(server->proxy, fd, path);
                return 1;
        }
        if (!server->ws)
                return 0;
        r = route_match(server->routes, METHOD_WS, path, &match);
        if (r < 0 || !match.route)
                return r;
        conn_free(conn);
        r = server->ws_ops->adopt(server->ws, fd, server->routes, match.route, path);
        route_match_done(&match);
        if (r < 0)
                log_errno(r, "Cannot take a WebSocket connection");
        return 1;
}

/* 1 to go on with the handshake, 0 when it is HTTP's to answer, -EINPROGRESS when it has to wait. */
static int judge_handshake(Conn *conn, const char *head, size_t size) {
        char copy[PEEK_MAX + 1];
        AccessHead access;

        memcpy(copy, head, size + 1);
        if (!access_read_handshake(copy, size, &access))
                return 0;
        switch (gate_judge_head(conn, &access)) {
        case ACCESS_OK:
                return 1;
        case ACCESS_WAIT:
                return -EINPROGRESS;
        default:
                return 0; /* which says why */
        }
}

/* What the peek waits for has come, but not what the gate waits for. */
static int wait_at_gate(Conn *conn) {
        int r = sd_event_source_set_enabled(conn->peek_source, SD_EVENT_OFF);

        if (r >= 0)
                gate_wait(conn);
        return r;
}

static int on_first_bytes(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Conn *conn = userdata;
        char head[PEEK_MAX + 1];
        ssize_t n;
        int r;

        n = recv(fd, head, PEEK_MAX, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                conn_abort(conn);
                return 0;
        }
        head[n] = '\0';
        if (n < PEEK_MAX && startswith(head, "GET ") && !is_complete(head, (size_t) n)) {
                int more = (int) n + 1;

                if (revents & (EPOLLHUP | EPOLLRDHUP)) { /* it never will be */
                        conn_abort(conn);
                        return 0;
                }
                /* Level-triggered: without a new low-water mark the same bytes would wake us without end. */
                if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof(more)) >= 0)
                        return 0;
        }
        if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &(int) { 1 }, sizeof(int)) < 0)
                log_debug("Cannot reset SO_RCVLOWAT: %s", strerror(errno));
        r = judge_handshake(conn, head, (size_t) n);
        if (r == -EINPROGRESS) {
                r = wait_at_gate(conn);
                if (r >= 0)
                        return 0;
        } else if (r > 0)
                r = try_websocket(conn, head);
        if (r < 0)
                conn_abort(conn);
        else if (r == 0)
                r = conn_hand_to_mhd(conn);
        if (r < 0)
                log_errno(r, "Cannot take a connection");
        return 0;
}

static int take_connection(Server *server, int fd) {
        uid_t uid = (uid_t) -1;
        Access access = gate_judge_peer(server->gate, fd, &uid);
        Conn *conn;
        int r;

        if (access > ACCESS_WAIT || (access == ACCESS_WAIT && gate_is_crowded(server->gate))) {
                refused_take(server, fd);
                return 0;
        }
        conn = conn_new(server, fd);
        if (!conn) {
                safe_close(fd);
                return -ENOMEM;
        }
        conn->uid = uid;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int)) < 0)
                log_debug("Cannot set TCP_NODELAY: %s", strerror(errno));
        /* Where no WebSocket is served nothing has to be told apart. */
        if (!server->ws && !server->proxying && access == ACCESS_OK)
                return conn_hand_to_mhd(conn);
        r = sd_event_add_io(server->event, &conn->peek_source, fd, EPOLLIN | EPOLLRDHUP, on_first_bytes, conn);
        if (r >= 0 && access == ACCESS_WAIT)
                r = wait_at_gate(conn);
        if (r < 0) {
                safe_close(fd);
                conn_free(conn);
                return r;
        }
        conn_enter(conn, CONN_NEW);
        return 0;
}

void conn_look_again(Conn *conn) {
        Server *server = conn->server;
        Access access = gate_judge_user(server->gate, conn->uid);
        int r;

        if (access == ACCESS_WAIT && !gate_is_overdue(conn)) {
                gate_wait(conn);
                return;
        }
        if (access != ACCESS_OK) {
                int fd = conn->fd;

                gate_tell(server->gate, ACCESS_USER, "of uid %u, which AllowUsers= does not name", conn->uid);
                conn_free(conn);
                refused_take(server, fd);
                return;
        }
        if (server->ws || server->proxying)
                r = sd_event_source_set_enabled(conn->peek_source, SD_EVENT_ON);
        else
                r = conn_hand_to_mhd(conn);
        if (r < 0)
                log_errno(r, "Cannot take a connection");
}

static void listeners_enable(Server *server, int enabled) {
        for (size_t i = 0; i < server->n_listeners; i++) {
                int r = sd_event_source_set_enabled(server->listeners[i].source, enabled);

                if (r < 0)
                        log_errno(r, "Cannot switch a listening socket");
        }
}

void listeners_pause(Server *server) {
        listeners_enable(server, SD_EVENT_OFF);
}

void listeners_resume(Server *server) {
        if (!server->draining && !server->held && !server->accept_retry)
                listeners_enable(server, SD_EVENT_ON);
}

void server_hold(Server *server, bool hold) {
        server->held = hold;
        if (hold)
                listeners_pause(server);
        else
                listeners_resume(server);
}

static int on_accept_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Server *server = userdata;

        server->accept_retry = sd_event_source_disable_unref(server->accept_retry);
        listeners_resume(server);
        return 0;
}

/* Out of descriptors: the backlog holds who comes until some are free again. The socket stays readable, so without
 * this pause the loop would spin. */
static void pause_for_resources(Server *server, int error) {
        int r;

        if (server->accept_retry)
                return;
        log_errno(error, "Cannot accept a connection, trying again in 100 ms (is LimitNOFILE= high enough?)");
        r = sd_event_add_time_relative(server->event, &server->accept_retry, CLOCK_MONOTONIC, ACCEPT_RETRY_USEC, 0,
                                       on_accept_retry, server);
        if (r < 0)
                log_errno(r, "Cannot set a timer");
        else
                listeners_pause(server);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Listener *listener = userdata;

        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;

                if (client >= 0) {
                        r = take_connection(listener->server, client);
                        if (r < 0)
                                log_errno(r, "Cannot take a connection");
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        pause_for_resources(listener->server, -errno);
                else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        log_errno(-errno, "Cannot accept a connection");
                break;
        }
        return 0;
}

int server_add_listener(Server *server, int fd) {
        Listener *listener;
        int flags, r;

        if (server->n_listeners >= SERVER_LISTENERS_MAX) {
                safe_close(fd);
                return -E2BIG;
        }
        listener = &server->listeners[server->n_listeners];
        *listener = (Listener) { .server = server, .fd = fd };
        /* systemd's sockets are; those of another activator may not be, and accept4() would wait then. */
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
                r = -errno;
                safe_close(fd);
                return r;
        }
        r = gate_add_listener(server->gate, fd);
        if (r >= 0)
                r = sd_event_add_io(server->event, &listener->source, fd, EPOLLIN, on_connection, listener);
        if (r < 0) {
                safe_close(fd);
                return r;
        }
        server->n_listeners++;
        return 0;
}
