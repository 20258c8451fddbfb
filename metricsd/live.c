/* SPDX-License-Identifier: MIT */
#include "live.h"

#include "manager.h"
#include "shared/log.h"

/* An update of the 13 is about 6 KB: such a client is minutes behind, and the kernel holds more of it than this. */
#define BEHIND_MAX ((size_t) 256 * 1024)
/* RFC 6455, 7.4.1: policy violation. */
#define CLOSE_BEHIND 1008

static void tell(LiveClient *c, const char *text, size_t size) {
        int r = -ENOBUFS;

        if (c->cut_off)
                return;
        if (ws_queued(c->conn) <= BEHIND_MAX)
                r = ws_send(c->conn, text, size, false);
        if (r == -ENOBUFS) {
                log_notice("A client of the dashboard does not read what it is sent: its connection is closed");
                ws_close(c->conn, CLOSE_BEHIND, "you do not read");
                c->cut_off = true;
        } else if (r < 0 && r != -EPIPE) /* it is on its way out */
                log_errno(r, "Cannot tell a client of the dashboard");
}

static const char *text_of(json_object *message, size_t *ret_size) {
        return message ? json_object_to_json_string_length(
                                 message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_size)
                       : NULL;
}

int live_send(Live *live, json_object *message) {
        LiveClient *c;
        size_t size;
        const char *text = text_of(message, &size);

        if (text)
                LIST_FOREACH(c, &live->clients, entries)
                        tell(c, text, size);
        json_object_put(message);
        return text ? 0 : -ENOMEM;
}

static int on_open(WsConn *conn, void *data, void *state) {
        Manager *m = state;
        LiveClient *c = data;
        json_object *message;
        const char *text;
        size_t size;

        c->conn = conn;
        LIST_INSERT_HEAD(&m->live.clients, c, entries);
        m->live.n_clients++;
        message = manager_update(m);
        text = text_of(message, &size);
        if (text)
                tell(c, text, size);
        json_object_put(message);
        return text ? 0 : -ENOMEM;
}

/* Clients have nothing to say here. */
static int on_message(WsConn *conn, void *data, const void *message, size_t size, bool binary, void *state) {
        return 0;
}

static void on_close(WsConn *conn, void *data, void *state) {
        LiveClient *c = data;
        Manager *m = state;

        LIST_REMOVE(c, entries);
        m->live.n_clients--;
}

const WsType live_ws_type = {
        .data_size = sizeof(LiveClient),
        .message_max = 64 * 1024,
        .open = on_open,
        .message = on_message,
        .close = on_close,
};
