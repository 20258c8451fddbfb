/* SPDX-License-Identifier: MIT */
#include "foundation/websocket.h"

/* What a module calls lies in the program, not in tooloo-websocket.so: that is loaded with RTLD_LOCAL, so a module's
 * symbols could not be resolved there. */

int ws_send(WsConn *conn, const void *data, size_t size, bool binary) {
        return conn->ops->send(conn, data, size, binary);
}

void ws_close(WsConn *conn, uint16_t code, const char *reason) {
        conn->ops->close(conn, code, reason);
}

size_t ws_queued(const WsConn *conn) {
        return conn->ops->queued(conn);
}

const char *ws_path(const WsConn *conn) {
        return conn->path;
}

uint64_t ws_generation(const WsConn *conn) {
        return route_set_generation(conn->set);
}
