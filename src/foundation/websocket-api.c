/* SPDX-License-Identifier: MIT */
#include "foundation/websocket.h"

#include <string.h>

/* What a module calls lies in the program, not in tooloo-websocket.so: that is loaded with RTLD_LOCAL, so a module's
 * symbols could not be resolved there. */

int ws_message_new(const void *data, size_t size, bool binary, WsMessage **ret) {
        WsMessage *message;

        if (size > SIZE_MAX - sizeof(WsMessage) - WS_HEAD_ROOM)
                return -ENOMEM;
        message = malloc(sizeof(WsMessage) + WS_HEAD_ROOM + size);
        if (!message)
                return -ENOMEM;
        *message = (WsMessage) { .n_refs = 1, .binary = binary, .size = size };
        if (size > 0)
                (void) memcpy(message->bytes + WS_HEAD_ROOM, data, size);
        *ret = message;
        return 0;
}

WsMessage *ws_message_ref(WsMessage *message) {
        message->n_refs++;
        return message;
}

WsMessage *ws_message_unref(WsMessage *message) {
        if (message && --message->n_refs == 0)
                free(message);
        return NULL;
}

size_t ws_message_size(const WsMessage *message) {
        return message->size;
}

int ws_send_message(WsConn *conn, WsMessage *message) {
        return conn->ops->send(conn, message, false);
}

int ws_send_latest(WsConn *conn, WsMessage *message) {
        return conn->ops->send(conn, message, true);
}

int ws_send(WsConn *conn, const void *data, size_t size, bool binary) {
        WsMessage *message;
        int r;

        r = ws_message_new(data, size, binary, &message);
        if (r < 0)
                return r;
        r = ws_send_message(conn, message);
        ws_message_unref(message);
        return r;
}

void ws_close(WsConn *conn, uint16_t code, const char *reason) {
        conn->ops->close(conn, code, reason);
}

size_t ws_queued(const WsConn *conn) {
        return conn->ops->queued(conn);
}

uint64_t ws_sent(const WsConn *conn) {
        return conn->ops->sent(conn);
}

const char *ws_path(const WsConn *conn) {
        return conn->path;
}

uint64_t ws_generation(const WsConn *conn) {
        return route_set_generation(conn->set);
}
