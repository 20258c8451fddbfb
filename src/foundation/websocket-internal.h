/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by the files of tooloo-websocket.so alone. */

/* First, for uv.h brings in <sys/param.h>, whose MIN and MAX only a header of the system may define twice. */
#include "foundation/websocket-queue.h"

#include "foundation/uv-nest.h"

#include <libwebsockets.h>
#include <sys/queue.h>

/* A longer message goes out in frames of this size, each when the client has room for it: what the kernel does not take of
 * one lws copies and keeps. */
#define WS_FRAME_MAX ((size_t) 16 * 1024)

typedef struct Buffer {
        uint8_t *bytes;
        size_t begin, end, space;
} Buffer;

/* Held by lws as the opaque data of its connection rather than as session storage, which it gives only after the
 * handshake: the route set is held from the adoption on. */
typedef struct Connection {
        WsConn public;
        Ws *ws;
        struct lws *lws;
        LIST_ENTRY(Connection) entries, ended_entries;
        Buffer received; /* of a message that has not ended yet */
        WsQueue queue;
        uint64_t sent; /* bytes of messages given to lws */
        uint64_t alive_noted; /* monotonic usec */
        char *close_reason;
        uint16_t close_code;
        bool established; /* by handshake */
        bool opened;      /* the route's open was called, so its close has to be */
        bool closing;     /* with close_code, once the queue is empty */
        bool ended;       /* nothing is left to do but to close it: in the list of those */
        bool peer_closed;
} Connection;

struct Ws {
        sd_event *event;
        UvNest nest;
        struct lws_context *context;
        struct lws_vhost *vhost;
        struct lws_protocols protocols[3];
        char subprotocol[64]; /* see accept_subprotocol() */
        LIST_HEAD(ConnectionList, Connection) connections, ended;
        unsigned n_connections;
        void (*closed)(void *userdata);
        void *userdata;
        bool any_closed; /* since `closed` was last called */
        bool destroying;
};

/* websocket-conn.c. A new connection is on ws's list, but lws does not know of it yet. path is copied. */
int connection_new(Ws *ws, RouteSet *set, const HttpRoute *route, const char *path, Connection **ret);
Connection *connection_free(Connection *c);
TL_DEFINE_CLEANUP(Connection *, connection_free)

/* Closes after what is queued; a connection that is closing already keeps its code. reason is copied, may be NULL. */
void connection_close(Connection *c, uint16_t code, const char *reason);
/* Queues a reference to the message, see ws_queue_push(): -ENOBUFS when too much waits, -EPIPE on a connection that ends. */
int connection_send(Connection *c, WsMessage *message, bool latest);

/* Called by lws for everything. */
int on_lws(struct lws *lws, enum lws_callback_reasons reason, void *session, void *in, size_t size);
/* Closes what is ready to be closed. Not from within lws. */
void close_ended(Ws *ws);
