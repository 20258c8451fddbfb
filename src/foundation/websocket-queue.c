/* SPDX-License-Identifier: MIT */
#include "foundation/websocket-queue.h"

#include <string.h>

#include "foundation/http.h"

/* Few wait for a client that reads: up to so many places an idle connection keeps. */
#define ENTRIES_KEPT 4
#define MESSAGE_OVERHEAD (sizeof(WsMessage) + sizeof(struct WsQueued) + WS_HEAD_ROOM)

static size_t cost(const WsMessage *message) {
        return message->size + MESSAGE_OVERHEAD;
}

void ws_queue_done(WsQueue *q) {
        for (size_t i = q->begin; i < q->end; i++)
                ws_message_unref(q->entries[i].message);
        free(q->entries);
        *q = (WsQueue) {};
}

static int make_room(WsQueue *q) {
        size_t space = q->space ? q->space * 2 : ENTRIES_KEPT;
        struct WsQueued *grown;

        if (q->end < q->space)
                return 0;
        /* Moving pays only while what has been sent is the greater part. */
        if (q->begin > q->space / 2) {
                memmove(q->entries, q->entries + q->begin, (q->end - q->begin) * sizeof(struct WsQueued));
                q->end -= q->begin;
                q->begin = 0;
                return 0;
        }
        grown = reallocarray(q->entries, space, sizeof(struct WsQueued));
        if (!grown)
                return -ENOMEM;
        q->entries = grown;
        q->space = space;
        return 0;
}

/* The one that a newer one may replace; NULL for none. */
static struct WsQueued *find_latest(const WsQueue *q) {
        for (size_t i = q->end; i > q->begin; i--) {
                struct WsQueued *entry = q->entries + i - 1;

                if (entry->latest)
                        return i - 1 == q->begin && q->offset > 0 ? NULL : entry;
        }
        return NULL;
}

int ws_queue_push(WsQueue *q, WsMessage *message, bool latest) {
        struct WsQueued *old = latest ? find_latest(q) : NULL;
        size_t waiting = q->waiting - (old ? cost(old->message) : 0);
        int r;

        if (cost(message) > WS_QUEUE_MAX - waiting)
                return -ENOBUFS;
        if (old) {
                ws_message_unref(old->message);
                old->message = ws_message_ref(message);
                q->waiting = waiting + cost(message);
                return 1;
        }
        r = make_room(q);
        if (r < 0)
                return r;
        q->entries[q->end++] = (struct WsQueued) { .message = ws_message_ref(message), .latest = latest };
        q->waiting += cost(message);
        return 0;
}

WsPiece ws_queue_peek(const WsQueue *q, size_t max) {
        WsMessage *message = q->entries[q->begin].message;
        size_t left = message->size - q->offset;

        return (WsPiece) {
                .message = message, .offset = q->offset, .size = MIN(left, max),
                .first = q->offset == 0, .last = left <= max,
        };
}

void ws_queue_take(WsQueue *q, const WsPiece *piece) {
        q->waiting -= piece->size;
        q->offset += piece->size;
        if (!piece->last)
                return;
        q->waiting -= MESSAGE_OVERHEAD;
        ws_message_unref(q->entries[q->begin++].message);
        q->offset = 0;
        if (!ws_queue_is_empty(q))
                return;
        if (q->space > ENTRIES_KEPT)
                ws_queue_done(q);
        q->begin = q->end = 0;
}
