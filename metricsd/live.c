/* SPDX-License-Identifier: MIT */
#include "live.h"

#include "basic/time-util.h"
#include "manager.h"
#include "shared/log.h"

/* RFC 6455, 7.4.1: policy violation. */
#define CLOSE_BEHIND 1008
/* News of a burst come one after the other; with many clients, or services, each of them is megabytes. So many bytes in all
 * that is told they pause for, each time: */
#define BYTES_PER_USEC 100

void live_outdate(Live *live) {
        live->latest = ws_message_unref(live->latest);
}

/* Takes over message, also on failure. */
static int put_into_words(Live *live, json_object *message) {
        size_t size;
        const char *text = message ? json_object_to_json_string_length(
                                             message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size)
                                   : NULL;
        WsMessage *latest;
        int r = text ? ws_message_new(text, size, false, &latest) : -ENOMEM;

        json_object_put(message);
        if (r < 0)
                return r;
        ws_message_unref(live->latest);
        live->latest = latest;
        return 0;
}

static void cut_off(LiveClient *c) {
        log_notice("A client of the dashboard does not read what it is sent: its connection is closed");
        ws_close(c->conn, CLOSE_BEHIND, "you do not read");
        c->cut_off = true;
}

static bool reads(LiveClient *c, uint64_t now, uint64_t patience) {
        uint64_t sent = ws_sent(c->conn);

        if (ws_queued(c->conn) > 0 && sent == c->sent)
                return now <= c->read_at + patience;
        c->sent = sent;
        c->read_at = now;
        return true;
}

static int tell(Live *live, LiveClient *c) {
        int r = ws_send_latest(c->conn, live->latest);

        if (r == -EPIPE) /* it is on its way out */
                return 0;
        if (r < 0)
                return r;
        live->skipped += r > 0;
        return 0;
}

int live_tell(Live *live, json_object *message, uint64_t patience) {
        uint64_t now = now_usec();
        LiveClient *c;
        int r, q;

        r = put_into_words(live, message);
        if (r < 0)
                return r;
        live->quiet_until = now + live->n_clients * ws_message_size(live->latest) / BYTES_PER_USEC;
        LIST_FOREACH(c, &live->clients, entries) {
                if (c->cut_off)
                        continue;
                if (!reads(c, now, patience)) {
                        cut_off(c);
                        continue;
                }
                q = tell(live, c);
                r = r < 0 ? r : q;
        }
        return r;
}

size_t live_waiting(const Live *live) {
        const LiveClient *c;
        size_t n = 0;

        LIST_FOREACH(c, &live->clients, entries)
                n += ws_queued(c->conn);
        return n;
}

static int on_open(WsConn *conn, void *data, void *state) {
        Manager *m = state;
        LiveClient *c = data;
        int r = 0;

        c->conn = conn;
        c->read_at = now_usec();
        LIST_INSERT_HEAD(&m->live.clients, c, entries);
        m->live.n_clients++;
        /* A thousand who come back after a restart are told the same. */
        if (!m->live.latest)
                r = put_into_words(&m->live, manager_update(m));
        return r < 0 ? r : tell(&m->live, c);
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
        if (m->live.n_clients == 0)
                live_outdate(&m->live); /* for it would not be kept up to date */
}

const WsType live_ws_type = {
        .data_size = sizeof(LiveClient),
        .message_max = 64 * 1024,
        .open = on_open,
        .message = on_message,
        .close = on_close,
};
