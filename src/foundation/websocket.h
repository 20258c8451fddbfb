/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "foundation/router.h"

/* WebSockets by libwebsockets. A shared object of its own (tooloo-websocket.so), loaded with the first route table
 * that has a WebSocket: libwebsockets with its TLS library is most of the memory of a small service, and most
 * services speak HTTP alone. */
typedef struct Ws Ws;

typedef struct WsOps WsOps;
struct WsOps {
        /* closed is called, from the event loop, after one or more connections have ended. */
        int (*create)(sd_event *event, void (*closed)(void *userdata), void *userdata, Ws **ret);
        Ws *(*destroy)(Ws *ws);
        /* Takes over a connected socket whose unread bytes begin with a handshake for `route` (also on failure: it is
         * closed then). path is copied. */
        int (*adopt)(Ws *ws, int fd, RouteSet *set, const HttpRoute *route, const char *path);
        /* Every connection goes on in `set`; one that cannot is closed with 1012, or stays where it is when its
         * data has another shape there. */
        void (*rebind)(Ws *ws, RouteSet *set);
        void (*close_all)(Ws *ws, uint16_t code, const char *reason);
        unsigned (*count)(const Ws *ws);

        /* As ws_send_message(); with latest as ws_send_latest(). */
        int (*send)(WsConn *conn, WsMessage *message, bool latest);
        void (*close)(WsConn *conn, uint16_t code, const char *reason);
        size_t (*queued)(const WsConn *conn);
        uint64_t (*sent)(const WsConn *conn);
};

#define WEBSOCKET_OPS_SYMBOL "tooloo_websocket_ops"
extern const WsOps tooloo_websocket_ops _public_;

/* What libwebsockets writes a frame's head into, right before the frame. */
#define WS_HEAD_ROOM 16

struct WsMessage {
        unsigned n_refs;
        bool binary;
        size_t size;
        uint8_t bytes[]; /* the room for the head, and the message */
};

/* The part of a connection that every program can see; websocket.c keeps the rest behind it. */
struct WsConn {
        const WsOps *ops;
        RouteSet *set;
        const HttpRoute *route;
        char *path;
        void *data;
};
