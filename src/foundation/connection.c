/* SPDX-License-Identifier: MIT */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "basic/time-util.h"
#include "foundation/gate.h"
#include "shared/log.h"

#define ANSWERED_USEC (100 * USEC_PER_MSEC)

/* libmicrohttpd's own time-out counts silence alone: a client that sends one byte a second holds its connection
 * for ever (slowloris). So the limits are ours: each state of a connection has one, and what a limit means depends
 * on the state. */
static uint64_t state_limit(const Server *server, ConnState state) {
        switch (state) {
        case CONN_HEAD:
                return server->timeouts.head;
        case CONN_BODY:
                return server->timeouts.body;
        case CONN_ANSWERED:
                return ANSWERED_USEC;
        case CONN_NEW:
        case CONN_IDLE: /* looked at this often, see on_idle_limit() */
                return MIN(server->timeouts.head, server->timeouts.idle);
        case CONN_SENDING:
                return server->timeouts.send;
        default:
                return UINT64_MAX;
        }
}

/* TCP's own count of the bytes that came in, or that the peer has acknowledged. */
static uint64_t tcp_progress(const Conn *conn) {
        struct tcp_info info = {};
        socklen_t size = sizeof(info);

        if (getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return 0;
        return conn->state == CONN_SENDING ? info.tcpi_bytes_acked : info.tcpi_bytes_received;
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata);

static void arm_sweep(Server *server, uint64_t deadline) {
        uint64_t armed;
        int enabled = SD_EVENT_OFF, r;

        if (!server->sweep)
                r = sd_event_add_time(server->event, &server->sweep, CLOCK_MONOTONIC, deadline, 100 * USEC_PER_MSEC,
                                      on_sweep, server);
        else if (sd_event_source_get_enabled(server->sweep, &enabled) > 0 &&
                 sd_event_source_get_time(server->sweep, &armed) >= 0 && armed <= deadline)
                return; /* fires earlier, and arms itself again for what is left then */
        else {
                r = sd_event_source_set_time(server->sweep, deadline);
                if (r >= 0)
                        r = sd_event_source_set_enabled(server->sweep, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_errno(r, "Cannot set the timer for slow clients");
}

void conn_enter(Conn *conn, ConnState state) {
        Server *server = conn->server;
        uint64_t limit = state_limit(server, state), now;

        TAILQ_REMOVE(&server->conns[conn->state], conn, entries);
        TAILQ_INSERT_TAIL(&server->conns[state], conn, entries);
        if (sd_event_now(server->event, CLOCK_MONOTONIC, &now) < 0)
                now = now_usec();
        if (state == CONN_ANSWERED || (state == CONN_IDLE && conn->state == CONN_HEAD))
                conn->idle_since = now;
        /* Asked for when the limit comes, for most connections never get there; but of a new one it is known. */
        if (state == CONN_IDLE || state == CONN_SENDING)
                conn->bytes_seen = conn->state == CONN_NEW ? 0 : UINT64_MAX;
        conn->state = state;
        conn->deadline = limit == UINT64_MAX ? UINT64_MAX : now + limit;
        if (conn->deadline != UINT64_MAX)
                arm_sweep(server, conn->deadline);
}

Conn *conn_new(Server *server, int fd) {
        Conn *conn = calloc(1, sizeof(Conn));

        if (!conn)
                return NULL;
        conn->server = server;
        conn->fd = fd;
        conn->state = CONN_NEW;
        conn->idle_since = now_usec();
        conn->deadline = UINT64_MAX;
        TAILQ_INSERT_TAIL(&server->conns[CONN_NEW], conn, entries);
        server->n_conns++;
        return conn;
}

/* Forgets the connection; its descriptor is closed by whoever has it. */
void conn_free(Conn *conn) {
        Server *server = conn->server;

        gate_forget(conn);
        sd_event_source_disable_unref(conn->peek_source);
        TAILQ_REMOVE(&server->conns[conn->state], conn, entries);
        server->n_conns--;
        free(conn);
        if (server->draining)
                server_run_mhd_soon(server); /* looks whether this was the last one */
}

/* Ends a connection from outside. MHD has its descriptor and finds it at its end at the next turn. */
void conn_abort(Conn *conn) {
        if (conn->peek_source) {
                safe_close(conn->fd);
                conn_free(conn);
                return;
        }
        (void) shutdown(conn->fd, SHUT_RDWR); /* ENOTCONN: the client was quicker */
}

/* MHD has no way to answer a request that is not complete, but as it has not begun to answer the bytes may be
 * ours. */
static void refuse_slow(Conn *conn) {
        static const char answer[] = "HTTP/1.1 408 Request Timeout\r\n"
                                     "Content-Type: application/json\r\n"
                                     "Content-Length: 73\r\n"
                                     "Connection: close\r\n\r\n"
                                     "{\"ok\":false,\"error\":\"the request took too long\","
                                     "\"code\":\"REQUEST_TIMEOUT\"}";

        (void) send(conn->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        conn_abort(conn);
}

/* libmicrohttpd learns of changes alone (EPOLLET), and does not look for the end of what it reads: that of a
 * client who has closed its side right behind its request goes by unseen. */
static bool peer_has_ended(const Conn *conn) {
        char byte;

        return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void on_idle_limit(Conn *conn, uint64_t now) {
        uint64_t bytes = tcp_progress(conn);

        if (conn->bytes_seen == UINT64_MAX || conn->bytes_seen == bytes) {
                if (now - conn->idle_since >= conn->server->timeouts.idle) {
                        conn_abort(conn);
                        return;
                }
                conn_enter(conn, conn->state);
                conn->bytes_seen = bytes;
        } else
                conn_enter(conn, CONN_HEAD); /* bytes came, but no request line yet: the head's limit from here on */
}

static void on_limit(Conn *conn, uint64_t now) {
        if (conn->state == CONN_ANSWERED) {
                if (peer_has_ended(conn))
                        conn_abort(conn);
                else
                        conn_enter(conn, CONN_IDLE);
        } else if (conn->state == CONN_NEW || conn->state == CONN_IDLE)
                on_idle_limit(conn, now);
        else if (conn->state == CONN_SENDING) {
                uint64_t bytes = tcp_progress(conn);
                bool stuck = conn->bytes_seen != UINT64_MAX && bytes == conn->bytes_seen;

                if (stuck) {
                        conn_abort(conn);
                        return;
                }
                conn_enter(conn, CONN_SENDING);
                conn->bytes_seen = bytes;
        } else
                refuse_slow(conn);
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata) {
        Server *server = userdata;
        uint64_t now = now_usec(), next = UINT64_MAX;

        for (unsigned i = 0; i < _CONN_STATE_MAX; i++) {
                Conn *conn;

                /* Whatever is done with a connection gives it a later deadline or takes it from the list; an aborted
                 * one is gone at MHD's next turn, long before it would be aborted once more. */
                while ((conn = TAILQ_FIRST(&server->conns[i])) && conn->deadline <= now) {
                        conn->deadline = now + USEC_PER_SEC;
                        TAILQ_REMOVE(&server->conns[i], conn, entries);
                        TAILQ_INSERT_TAIL(&server->conns[i], conn, entries);
                        on_limit(conn, now);
                }
                if (conn)
                        next = MIN(next, conn->deadline);
        }
        if (next != UINT64_MAX)
                arm_sweep(server, next);
        return 0;
}

/* Only those that have not begun to ask: what lies in the kernel's buffer is a request on its way, and counts as
 * begun. */
void conn_close_idle(Server *server) {
        static const ConnState states[] = { CONN_NEW, CONN_ANSWERED, CONN_IDLE };

        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                for (Conn *c = TAILQ_FIRST(&server->conns[states[i]]), *next; c; c = next) {
                        int unread = 0;

                        next = TAILQ_NEXT(c, entries);
                        if (ioctl(c->fd, FIONREAD, &unread) < 0 || unread == 0)
                                conn_abort(c);
                        else
                                conn_enter(c, CONN_HEAD);
                }
}

void connection_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                       enum MHD_ConnectionNotificationCode code) {
        Server *server = cls;

        server->mhd_idle_runs = 0;
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                *socket_context = TAKE_PTR(server->adopting);
        else if (*socket_context) {
                conn_free(*socket_context);
                *socket_context = NULL;
        }
}
