/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/websocket.h"

/* The messages that wait for one client, oldest first. They are shared with all others who wait for the same. All zero is
 * a valid start. */
typedef struct WsQueue {
        struct WsQueued {
                WsMessage *message;
                bool latest; /* see ws_send_latest() */
        } *entries;
        size_t begin, end, space;
        size_t offset; /* bytes of the first one that are on their way */
        size_t waiting; /* bytes of all that are not, with a little for each message */
} WsQueue;

/* All of it, at most. */
#define WS_QUEUE_MAX ((size_t) 4 * 1024 * 1024)

void ws_queue_done(WsQueue *q);

static inline bool ws_queue_is_empty(const WsQueue *q) {
        return q->begin == q->end;
}

/* Takes a reference. -ENOBUFS when it would be too much. With latest, 1 when it has taken the place of another one, to
 * which that happens only before it is on its way. */
int ws_queue_push(WsQueue *q, WsMessage *message, bool latest);

/* What to send next: up to max bytes of the first message. Not of an empty queue; the message is the queue's. */
typedef struct WsPiece {
        WsMessage *message;
        size_t offset, size;
        bool first, last; /* of its message */
} WsPiece;

WsPiece ws_queue_peek(const WsQueue *q, size_t max);
/* That piece has been sent: message may be gone then. */
void ws_queue_take(WsQueue *q, const WsPiece *piece);
