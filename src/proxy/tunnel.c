/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "proxy/tunnel-internal.h"
#include "shared/log.h"

#define RETRY_AFTER_USEC (100 * USEC_PER_MSEC)
/* For the client to read the last of it. */
#define CLOSING_USEC (2 * USEC_PER_SEC)

/* --- Life --- */

static void tunnel_free(Tunnel *t) {
        Proxy *proxy = t->proxy;

        side_close(&t->client);
        side_close(&t->service);
        if (!t->probe_told)
                upstream_forgot(t->upstream, t->probe);
        upstream_unref(t->upstream);
        buffer_done(&t->head);
        buffer_done(&t->answer);
        LIST_REMOVE(t, entries);
        proxy->n_tunnels--;
        free(t);
        forward_tunnel_ended(proxy->server);
}

void tunnels_end_all(Proxy *proxy) {
        while (!LIST_EMPTY(&proxy->tunnels))
                tunnel_free(LIST_FIRST(&proxy->tunnels));
        while (!LIST_EMPTY(&proxy->handshakes))
                tunnel_free(LIST_FIRST(&proxy->handshakes));
}

/* What is to be known of next. The other side of one that has not taken all yet is not read. */
static int update(Tunnel *t) {
        bool to_client = buffer_size(&t->client.out) > 0, to_service = buffer_size(&t->service.out) > 0;
        bool open = t->state == TUNNEL_OPEN;
        uint32_t client = to_client ? EPOLLOUT : 0, service = to_service ? EPOLLOUT : 0;
        int r;

        if (t->state == TUNNEL_HEAD || t->state == TUNNEL_CLOSING || (open && !to_service))
                client |= t->client.read_ended ? 0 : EPOLLIN;
        else if (!open && !t->client.read_ended)
                client |= EPOLLRDHUP; /* nobody waits for the answer any more */
        if (t->state == TUNNEL_CONNECTING)
                service |= EPOLLOUT;
        if (t->state == TUNNEL_ASKING || ((open || t->state == TUNNEL_LAST) && !to_client))
                service |= t->service.read_ended ? 0 : EPOLLIN;
        r = side_watch(&t->client, client);
        return r < 0 ? r : side_watch(&t->service, service);
}

static void enter(Tunnel *t, TunnelState state, uint64_t limit) {
        Proxy *proxy = t->proxy;

        LIST_REMOVE(t, entries);
        t->state = state;
        if (state == TUNNEL_OPEN) {
                LIST_INSERT_HEAD(&proxy->tunnels, t, entries);
                return;
        }
        LIST_INSERT_HEAD(&proxy->handshakes, t, entries);
        if (limit > 0) {
                t->deadline = proxy_now(proxy) + limit;
                proxy_sweep_at(proxy, t->deadline);
        }
}

/* Nothing more comes but what the client has yet to be sent. */
static void begin_closing(Tunnel *t) {
        side_close(&t->service);
        enter(t, TUNNEL_CLOSING, CLOSING_USEC);
        side_end(&t->client);
}

/* --- Answers of our own --- */

static const char *reason_phrase(unsigned status) {
        switch (status) {
        case 400:
                return "Bad Request";
        case 502:
                return "Bad Gateway";
        case 504:
                return "Gateway Timeout";
        default:
                return "Service Unavailable";
        }
}

static char *error_answer(const Tunnel *t, const Refusal *why) {
        json_object *json = json_object_new_object();
        char now[ISO8601_MAX], retry[48] = "";
        char *answer = NULL;
        const char *body;

        if (json && json_add(json, "ok", json_object_new_boolean(false)) &&
            json_add(json, "error", json_object_new_string(why->message)) &&
            json_add(json, "code", json_object_new_string(why->code)) &&
            json_add(json, "service", json_object_new_string(t->proxy->own_id)) &&
            json_add(json, "timestamp", json_object_new_string(format_iso8601(now, now_realtime_usec())))) {
                body = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
                if (why->retry_after > 0)
                        (void) snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", why->retry_after);
                answer = str_printf("HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                                    "Connection: close\r\n%sX-Request-Id: %s\r\n\r\n%s",
                                    why->status, reason_phrase(why->status), strlen(body), retry, t->id, body);
        }
        json_object_put(json);
        return answer;
}

static void count(const Tunnel *t, unsigned status) {
        forward_count(t->proxy->server, t->upstream->stats, status, proxy_now(t->proxy) - t->begun);
}

static int refuse(Tunnel *t, const Refusal *why) {
        _cleanup_(freep) char *answer = error_answer(t, why);
        int r;

        if (!answer)
                return -ENOMEM;
        count(t, why->status);
        r = side_send(&t->client, answer, strlen(answer));
        if (r >= 0)
                begin_closing(t);
        return r;
}

static int refuse_with(Tunnel *t, unsigned status, const char *code, const char *problem) {
        Refusal why = { .status = status, .code = code };

        (void) snprintf(why.message, sizeof(why.message), "%s%s%s", status == 400 ? "" : t->upstream->id,
                        status == 400 ? "" : " ", problem);
        return refuse(t, &why);
}

static int fail(Tunnel *t, unsigned status, const char *problem) {
        if (!t->probe_told) {
                t->probe_told = true;
                upstream_failed(t->upstream, t->probe, proxy_now(t->proxy));
        }
        return refuse_with(t, status, status == 504 ? "GATEWAY_TIMEOUT" : "BAD_GATEWAY", problem);
}

/* --- Steps. Negative errno: nobody is left to talk to. --- */

static int on_service(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* Nothing has gone out, and what is to goes with the next connection. Once it is tried again in any case: the refusal may
 * come before systemd's word that the service ends. */
static int refused(Tunnel *t) {
        uint64_t now = proxy_now(t->proxy);

        if (t->retry_at > 0 && !upstream_is_young(t->upstream, now))
                return fail(t, 502, "does not accept connections");
        t->service.io = sd_event_source_disable_unref(t->service.io);
        safe_close(TAKE_FD(t->service.fd));
        enter(t, TUNNEL_WAITING, 0);
        t->retry_at = now + RETRY_AFTER_USEC;
        proxy_sweep_at(t->proxy, t->retry_at);
        return 0;
}

static int connect_service(Tunnel *t) {
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_port = htons((uint16_t) t->upstream->port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd, r;

        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return refuse_with(t, 502, "BAD_GATEWAY", "cannot be asked: no descriptors are left");
        r = connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : 0;
        if (r < 0 && r != -EINPROGRESS) {
                safe_close(fd);
                return refused(t);
        }
        enter(t, TUNNEL_CONNECTING, 0);
        return side_open(&t->service, t, fd, on_service);
}

/* The client's own id, from the head as it came. */
static void take_request_id(Tunnel *t, const char *head) {
        const char *value = strstr(head, "\r\nX-Request-Id: ");
        char wanted[REQUEST_ID_MAX] = "";

        if (value) {
                value += strlen("\r\nX-Request-Id: ");
                (void) snprintf(wanted, sizeof(wanted), "%.*s", (int) strcspn(value, "\r\n"), value);
        }
        forward_request_id(t->proxy->server, wanted, t->id);
}

static int take_head(Tunnel *t, size_t size) {
        _cleanup_(freep) char *text = buffer_copy(&t->head, size);
        Buffer rewritten = {};
        const char *why;
        Refusal refusal;
        int r;

        if (!text)
                return -ENOMEM;
        take_request_id(t, text);
        if (strlen(text) != size)
                return refuse_with(t, 400, "BAD_REQUEST", "the head is no HTTP head");
        r = handshake_for_service(text, size, (const struct sockaddr *) &t->peer, t->id, &rewritten, &why);
        if (r == -EBADMSG)
                return refuse_with(t, 400, "BAD_REQUEST", why);
        if (r >= 0) {
                /* What lies behind the head stays there until the service has agreed. */
                t->head.begin += size;
                t->service.out = rewritten;
                if (upstream_ask(t->upstream, proxy_now(t->proxy), &t->probe, &refusal) < 0) {
                        buffer_done(&t->service.out);
                        t->probe_told = true;
                        return refuse(t, &refusal);
                }
                return connect_service(t);
        }
        buffer_done(&rewritten);
        return r;
}

static int read_head(Tunnel *t) {
        ssize_t n = side_receive(&t->client);
        size_t size;
        int r;

        if (n <= 0)
                return (int) n;
        r = buffer_append(&t->head, t->proxy->copy_buffer, (size_t) n, 2048);
        if (r < 0)
                return r;
        size = head_size(t->head.bytes, buffer_size(&t->head));
        if (size > HANDSHAKE_HEAD_MAX || (size == 0 && buffer_size(&t->head) > HANDSHAKE_HEAD_MAX))
                return refuse_with(t, 400, "BAD_REQUEST", "the head is too large");
        return size > 0 ? take_head(t, size) : 0;
}

/* Passes on what is left of the last answer. */
static int pass_last(Tunnel *t, const char *data, size_t size) {
        int r;

        if (t->left >= 0) {
                size = MIN(size, (size_t) t->left);
                t->left -= (int64_t) size;
        }
        r = side_send(&t->client, data, size);
        if (r >= 0 && t->left == 0)
                begin_closing(t);
        return r;
}

static int take_answer(Tunnel *t, size_t size) {
        _cleanup_(freep) char *text = buffer_copy(&t->answer, size);
        Buffer rewritten = {};
        const char *problem;
        unsigned status;
        size_t rest;
        int r;

        if (!text)
                return -ENOMEM;
        r = strlen(text) == size ? handshake_for_client(text, size, t->id, &rewritten, &status, &t->left, &problem)
                                 : -EBADMSG;
        if (r == -EBADMSG)
                return fail(t, 502, strlen(text) == size ? problem : "sent something that is no HTTP answer");
        if (r >= 0)
                r = side_send(&t->client, rewritten.bytes, buffer_size(&rewritten));
        buffer_done(&rewritten);
        if (r < 0)
                return r;
        if (!t->probe_told) {
                t->probe_told = true;
                upstream_succeeded(t->upstream, t->probe);
        }
        count(t, status);
        rest = buffer_size(&t->answer) - size;
        if (status != 101) {
                enter(t, TUNNEL_LAST, t->proxy->timeouts.handshake);
                side_end(&t->service); /* so that it ends the connection when it has answered */
                r = pass_last(t, t->answer.bytes + size, rest);
        } else {
                enter(t, TUNNEL_OPEN, 0);
                frames_pass(&t->frames, t->answer.bytes + size, rest);
                r = side_send(&t->client, t->answer.bytes + size, rest);
                if (r >= 0)
                        r = side_send(&t->service, t->head.bytes + t->head.begin, buffer_size(&t->head));
        }
        buffer_done(&t->answer);
        buffer_done(&t->head);
        return r;
}

static int read_answer(Tunnel *t) {
        ssize_t n = side_receive(&t->service);
        size_t size;
        int r;

        if (n == 0)
                return 0;
        if (n < 0)
                return fail(t, 502, n == -EPIPE ? "closed the connection without an answer"
                                                : "reset the connection before it answered");
        r = buffer_append(&t->answer, t->proxy->copy_buffer, (size_t) n, 1024);
        if (r < 0)
                return r;
        size = head_size(t->answer.bytes, buffer_size(&t->answer));
        if (size > HANDSHAKE_HEAD_MAX || (size == 0 && buffer_size(&t->answer) > HANDSHAKE_HEAD_MAX))
                return fail(t, 502, "sent an answer whose head is too large to be passed on");
        return size > 0 ? take_answer(t, size) : 0;
}

static int copy(Tunnel *t, Side *from, Side *to) {
        ssize_t n = side_receive(from);

        if (n == -EPIPE) {
                side_end(to);
                return 0;
        }
        if (n <= 0)
                return (int) n;
        if (to == &t->client)
                frames_pass(&t->frames, t->proxy->copy_buffer, (size_t) n);
        return side_send(to, t->proxy->copy_buffer, (size_t) n);
}

/* --- Events --- */

/* After each: half-closes, the end, what to wait for next. */
static int settle(Tunnel *t, int r) {
        if (r >= 0 && t->state == TUNNEL_OPEN) {
                if (t->client.read_ended)
                        side_end(&t->service);
                if (t->service.read_ended)
                        side_end(&t->client);
                if (t->client.write_ended && t->service.write_ended)
                        r = -EPIPE;
        }
        if (r >= 0 && t->state == TUNNEL_CLOSING) {
                side_end(&t->client);
                if (t->client.read_ended && t->client.write_ended)
                        r = -EPIPE;
        }
        if (r >= 0)
                r = update(t);
        if (r < 0)
                tunnel_free(t);
        return 0;
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Side *side = userdata;
        Tunnel *t = side->tunnel;
        ssize_t n;
        int r = 0;

        if (revents & EPOLLOUT)
                r = side_flush(side);
        if (r < 0 || (revents & EPOLLERR))
                return settle(t, r < 0 ? r : -ECONNRESET);
        if (t->state == TUNNEL_HEAD)
                r = read_head(t);
        else if (t->state == TUNNEL_OPEN && (side->events & EPOLLIN) && (revents & (EPOLLIN | EPOLLHUP)))
                r = copy(t, side, &t->service);
        else if (t->state == TUNNEL_CLOSING && (revents & (EPOLLIN | EPOLLHUP))) {
                n = side_receive(side);
                r = n < 0 && n != -EPIPE ? (int) n : 0;
        } else if (t->state != TUNNEL_OPEN && (revents & (EPOLLRDHUP | EPOLLHUP)))
                r = -ECONNRESET;
        return settle(t, r);
}

static int on_connected(Tunnel *t) {
        int error = 0;
        socklen_t size = sizeof(error);

        if (getsockopt(t->service.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error != 0)
                return refused(t);
        enter(t, TUNNEL_ASKING, 0);
        return side_flush(&t->service) < 0 ? fail(t, 502, "reset the connection before it answered") : 0;
}

static int on_service(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Side *side = userdata;
        Tunnel *t = side->tunnel;
        ssize_t n;
        int r = 0;

        if (t->state == TUNNEL_CONNECTING)
                return settle(t, on_connected(t));
        if ((revents & EPOLLOUT) && side_flush(side) < 0)
                return settle(t, t->state == TUNNEL_ASKING ? fail(t, 502, "reset the connection before it answered")
                                                           : -ECONNRESET);
        if (!(side->events & EPOLLIN) || !(revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                return settle(t, 0);
        if (t->state == TUNNEL_ASKING)
                r = read_answer(t);
        else if (t->state == TUNNEL_OPEN)
                r = copy(t, side, &t->client);
        else if (t->state == TUNNEL_LAST) {
                n = side_receive(side);
                if (n > 0)
                        r = pass_last(t, t->proxy->copy_buffer, (size_t) n);
                else if (n == -EPIPE && t->left < 0)
                        begin_closing(t);
                else
                        r = (int) n; /* it broke off, and so does the client's connection */
        }
        return settle(t, r);
}

/* --- What the proxy asks for --- */

void tunnel_begin(Proxy *proxy, int fd, const char *path) {
        Upstream *upstream;
        socklen_t size;
        Tunnel *t = NULL;
        int r;

        if (proxy->n_tunnels < TUNNELS_MAX && proxy_upstream_for(proxy, path, &upstream) > 0)
                t = calloc(1, sizeof(Tunnel));
        if (!t) {
                log_warning("A WebSocket is refused: %s", proxy->n_tunnels < TUNNELS_MAX ? "out of memory"
                                                                                      : "too many are open");
                safe_close(fd);
                return;
        }
        t->proxy = proxy;
        t->upstream = upstream_ref(upstream);
        t->client.fd = t->service.fd = -EBADF;
        forward_request_id(proxy->server, NULL, t->id); /* until its own is read */
        t->begun = proxy_now(proxy);
        size = sizeof(t->peer);
        if (getpeername(fd, (struct sockaddr *) &t->peer, &size) < 0)
                t->peer.ss_family = AF_UNSPEC; /* the client is gone already, which will be seen */
        LIST_INSERT_HEAD(&proxy->handshakes, t, entries);
        proxy->n_tunnels++;
        proxy->requests++;
        upstream->requests++;
        r = side_open(&t->client, t, fd, on_client);
        if (r < 0) {
                log_errno(r, "Cannot watch a WebSocket");
                tunnel_free(t);
                return;
        }
        enter(t, TUNNEL_HEAD, proxy->timeouts.handshake);
        (void) settle(t, 0);
}

static void over_limit(Tunnel *t) {
        char problem[64];
        int r = -ETIMEDOUT;

        (void) snprintf(problem, sizeof(problem), "did not answer the handshake within %llu ms",
                        (unsigned long long) (t->proxy->timeouts.handshake / USEC_PER_MSEC));
        if (t->state == TUNNEL_ASKING || t->state == TUNNEL_CONNECTING || t->state == TUNNEL_WAITING)
                r = fail(t, 504, problem);
        (void) settle(t, r);
}

uint64_t tunnels_sweep(Proxy *proxy, uint64_t now) {
        uint64_t next = UINT64_MAX;

        for (Tunnel *t = LIST_FIRST(&proxy->handshakes), *following; t; t = following) {
                following = LIST_NEXT(t, entries);
                if (t->deadline <= now) {
                        over_limit(t);
                        continue;
                }
                next = MIN(next, t->deadline);
                if (t->state != TUNNEL_WAITING)
                        continue;
                if (t->retry_at <= now)
                        (void) settle(t, connect_service(t)); /* sets its own time for the next */
                else
                        next = MIN(next, t->retry_at);
        }
        return next;
}

/* Close, code 1012: "service restart". */
static const unsigned char close_frame[] = "\x88\x11\x03\xf4service restart";

void tunnels_drain(Proxy *proxy) {
        static const Refusal restarts = { .status = 503, .code = "RESTARTING", .retry_after = 1,
                                          .message = "the proxy restarts: ask again" };

        for (Tunnel *t = LIST_FIRST(&proxy->handshakes), *next; t; t = next) {
                next = LIST_NEXT(t, entries);
                if (t->state < TUNNEL_OPEN)
                        (void) settle(t, refuse(t, &restarts));
        }
        while (!LIST_EMPTY(&proxy->tunnels)) {
                Tunnel *t = LIST_FIRST(&proxy->tunnels);
                int r = frames_at_boundary(&t->frames) ? side_send(&t->client, close_frame, sizeof(close_frame) - 1) : 0;

                if (r >= 0)
                        begin_closing(t); /* within a frame nothing can be said: the connection ends */
                (void) settle(t, r);
        }
}
