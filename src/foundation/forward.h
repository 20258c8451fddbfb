/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "foundation/http.h"
#include "foundation/stats.h"

/* Requests that another service answers. The server keeps what is the client's (its connection, its limits, the statistics);
 * what is the other service's is a proxy's. That is a shared object of its own (tooloo-proxy.so), loaded with the first
 * module that asks for it: libcurl with its TLS library is most of the memory of a small service.
 *
 * A forwarded request belongs to no generation of the module, so a reload never touches one. */
typedef struct Server Server;
typedef struct Proxy Proxy;
typedef struct Exchange Exchange; /* one forwarded request */

/* How long another service may take, in microseconds. */
typedef struct ForwardTimeouts {
        uint64_t answer;      /* to the first byte of its answer, counted from the last byte that it took of the request */
        uint64_t long_answer; /* the same for what a language model answers (/v1/) */
        uint64_t restart;     /* the same while the service starts or stops, counted from that on */
        uint64_t silence;     /* between two parts of an answer */
        uint64_t handshake;   /* to its answer to a WebSocket's handshake */
} ForwardTimeouts;

typedef struct ProxyOps {
        /* loaded is called once, from the event loop, when it is known whose each path is. */
        int (*create)(sd_event *event, Server *server, const char *own_id, const ForwardTimeouts *timeouts,
                      void (*loaded)(void *userdata), void *userdata, Proxy **ret);
        Proxy *(*destroy)(Proxy *proxy);

        /* The head of a request is complete and has been judged. service and target are NULL for what the client
         * asked for. 0: the path is this service's own, or nobody's, and nothing was done. 1: it was taken over, with
         * an exchange in *ret, or replied to, with NULL there. */
        int (*begin)(Proxy *proxy, HttpRequest *request, const char *service, const char *target, Exchange **ret);
        /* A part of its body: how much of that was taken. With less than size the client waits for forward_wake(). */
        size_t (*body)(Exchange *exchange, const void *data, size_t size);
        void (*body_end)(Exchange *exchange);
        /* Bytes of the answer, for one that forward_answer() has begun. 0: none for now, until forward_wake();
         * -ENODATA: that was all; any other negative errno: it broke off. */
        ssize_t (*read)(Exchange *exchange, char *buf, size_t max);
        /* The answer is complete, or the client is gone, or the request was cut: the exchange is over. */
        void (*release)(Exchange *exchange);

        /* Whether a path is another service's. */
        bool (*claims)(const Proxy *proxy, const char *path);
        /* Takes over a connected socket whose unread bytes begin with a WebSocket handshake for such a path, whatever
         * becomes of it. */
        void (*tunnel)(Proxy *proxy, int fd, const char *path);
        unsigned (*tunnels)(const Proxy *proxy);
        /* The program ends: tunnels and event streams end, what else is in flight goes on. */
        void (*drain)(Proxy *proxy);

        /* For modules, see http.h. */
        json_object *(*routes)(const Proxy *proxy);
        json_object *(*status)(const Proxy *proxy);
} ProxyOps;

#define PROXY_OPS_SYMBOL "tooloo_proxy_ops"
extern const ProxyOps tooloo_proxy_ops _public_;

/* --- What the proxy asks of the server --- */

typedef enum ForwardBody {
        FORWARD_WHOLE,
        FORWARD_STREAMED,
        FORWARD_BODILESS,
} ForwardBody;

typedef struct ForwardField {
        const char *name, *value;
} ForwardField;

/* As the client sent it, with the query. */
const char *forward_target(const HttpRequest *request) _public_;
bool forward_is_http_1_0(const HttpRequest *request) _public_;
/* Every field of the head in its order. */
void forward_fields(const HttpRequest *request, void (*each)(void *userdata, const char *name, const char *value),
                    void *userdata) _public_;
const struct sockaddr *forward_peer(const HttpRequest *request) _public_;

/* The id of a request: the wanted one where that is fit (may be NULL), else a new one. */
#define REQUEST_ID_MAX 65
void forward_request_id(Server *server, const char *wanted, char ret[static REQUEST_ID_MAX]) _public_;

/* Counters that a service's requests go into. NULL when there can be no more of them. */
EndpointStats *forward_stats(Server *server, const char *service) _public_;
void forward_count_in(HttpRequest *request, EndpointStats *stats) _public_;
/* For what was no request to the server: a tunnel. */
void forward_count(Server *server, EndpointStats *stats, unsigned status, uint64_t usec) _public_;

/* The answer: its head, and its body in one piece (body, malloc'ed, taken over also on failure) or through read()
 * (FORWARD_STREAMED). length is that of the body; -1 when it is not known. An answer that has none (FORWARD_BODILESS: to
 * HEAD, 204, 304) has the length that its head says, -1 for none. -E2BIG when the head does not fit in what a connection may
 * use; nothing was done then. */
int forward_answer(HttpRequest *request, unsigned status, const ForwardField *fields, size_t n_fields, int64_t length,
                   void *body, ForwardBody kind) _public_;
/* False while the client sends its body: no answer of any kind can be given before body_end(). That may be so in begin()
 * already. */
bool forward_may_answer(const HttpRequest *request) _public_;
/* There is room for more of the body, or more of the answer, or its end. From the loop or from within the operations. */
void forward_wake(HttpRequest *request) _public_;
/* Cuts the connection, so that nobody takes what was sent for all there is. release() follows from the loop. */
void forward_abort(HttpRequest *request) _public_;
/* Notices from here on when the client goes away. Not from the start, for that costs as much as the rest of a short
 * request. */
void forward_watch_client(HttpRequest *request) _public_;
/* A tunnel has ended. */
void forward_tunnel_ended(Server *server) _public_;
