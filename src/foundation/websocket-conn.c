/* SPDX-License-Identifier: MIT */
#include "foundation/websocket-internal.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "shared/log.h"

#define MESSAGE_MAX_DEFAULT ((size_t) 1024 * 1024)
/* Buffers up to this size are kept for the next message; an idle connection holds no more than two of them. */
#define BUFFER_KEEP ((size_t) 1024)
#define REASON_MAX 123 /* a control frame has room for 125 bytes, 2 of them are the code */
#define CLOSE_SEC 10   /* for a client to read what is queued */
/* Any byte from a client shows that it lives, but noting it costs time in proportion to the number of connections. */
#define ALIVE_NOTED_USEC (5 * USEC_PER_SEC)

static_assert(WS_HEAD_ROOM >= LWS_PRE, "lws needs more room for the head of a frame");

/* --- Buffers --- */

static void buffer_free(Buffer *buffer) {
        free(buffer->bytes);
        *buffer = (Buffer) {};
}

static void buffer_emptied(Buffer *buffer) {
        buffer->begin = buffer->end = 0;
        if (buffer->space > BUFFER_KEEP)
                buffer_free(buffer);
}

/* Makes room for size more bytes behind the end. */
static int buffer_reserve(Buffer *buffer, size_t size) {
        size_t used = buffer->end - buffer->begin, space;
        uint8_t *grown;

        if (size <= buffer->space - buffer->end)
                return 0;
        /* Moving the rest to the front pays only while it is the smaller part. */
        if (used + size <= buffer->space / 2) {
                memmove(buffer->bytes, buffer->bytes + buffer->begin, used);
                buffer->begin = 0;
                buffer->end = used;
                return 0;
        }
        space = MAX(buffer->space * 2, buffer->end + size);
        grown = realloc(buffer->bytes, space);
        if (!grown)
                return -ENOMEM;
        buffer->bytes = grown;
        buffer->space = space;
        return 0;
}

static void buffer_append(Buffer *buffer, const void *data, size_t size) {
        if (size > 0)
                memcpy(buffer->bytes + buffer->end, data, size);
        buffer->end += size;
}

/* --- Connections --- */

static const WsType *connection_type(const Connection *c) {
        return c->public.route->ws;
}

static void *connection_state(const Connection *c) {
        return route_set_state(c->public.set, c->public.route);
}

static void call_close(Connection *c) {
        const WsType *type = connection_type(c);

        if (c->opened && type->close)
                type->close(&c->public, c->public.data, connection_state(c));
        c->opened = false;
}

Connection *connection_free(Connection *c) {
        if (!c)
                return NULL;
        call_close(c);
        LIST_REMOVE(c, entries);
        if (c->ended)
                LIST_REMOVE(c, ended_entries);
        c->ws->n_connections--;
        c->ws->any_closed = true;
        buffer_free(&c->received);
        ws_queue_done(&c->queue);
        free(c->close_reason);
        free(c->public.path);
        free(c->public.data);
        route_set_unref(c->public.set); /* may be its last, so it is let go of after the last use of the route */
        free(c);
        return NULL;
}

int connection_new(Ws *ws, RouteSet *set, const HttpRoute *route, const char *path, Connection **ret) {
        _cleanup_(connection_freep) Connection *c = calloc(1, sizeof(Connection));

        if (!c)
                return -ENOMEM;
        c->ws = ws;
        LIST_INSERT_HEAD(&ws->connections, c, entries);
        ws->n_connections++;
        c->public.ops = &tooloo_websocket_ops;
        c->public.set = route_set_ref(set);
        c->public.route = route;
        c->public.path = strdup(path);
        c->public.data = calloc(1, MAX(route->ws->data_size, 1u));
        if (!c->public.path || !c->public.data)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

void connection_close(Connection *c, uint16_t code, const char *reason) {
        if (c->closing || c->peer_closed)
                return;
        c->closing = true;
        c->close_code = code;
        c->close_reason = reason ? strdup(reason) : NULL; /* without memory there is no reason */
        if (!c->established)
                return;
        /* Of a client that does not read, the queue never gets empty. */
        lws_set_timeout(c->lws, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_SEC);
        (void) lws_callback_on_writable(c->lws);
}

int connection_send(Connection *c, WsMessage *message, bool latest) {
        bool was_empty = ws_queue_is_empty(&c->queue);
        int r;

        if (!c->established || c->closing || c->peer_closed)
                return -EPIPE;
        r = ws_queue_push(&c->queue, message, latest);
        if (r >= 0 && was_empty)
                (void) lws_callback_on_writable(c->lws);
        return r;
}

/* --- What lws tells of a connection. Nonzero ends it. --- */

static int on_established(Connection *c) {
        const WsType *type = connection_type(c);
        int r;

        c->established = true;
        if (c->closing) { /* asked for during the handshake */
                (void) lws_callback_on_writable(c->lws);
                return 0;
        }
        c->opened = true;
        if (!type->open)
                return 0;
        r = type->open(&c->public, c->public.data, connection_state(c));
        if (r < 0) {
                log_errno(r, "The WebSocket %s cannot be opened", c->public.path);
                connection_close(c, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, NULL);
        }
        return 0;
}

static void note_alive(Connection *c) {
        uint64_t now;

        if (sd_event_now(c->ws->event, CLOCK_MONOTONIC, &now) < 0 || now < c->alive_noted + ALIVE_NOTED_USEC)
                return;
        c->alive_noted = now;
        lws_validity_confirmed(c->lws);
}

static void deliver(Connection *c, const void *message, size_t size) {
        int r = connection_type(c)->message(&c->public, c->public.data, size > 0 ? message : "", size,
                                            lws_frame_is_binary(c->lws), connection_state(c));

        if (r < 0) {
                log_errno(r, "The WebSocket %s failed at a message", c->public.path);
                connection_close(c, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, NULL);
        }
}

static void on_received(Connection *c, const void *piece, size_t size) {
        size_t max = connection_type(c)->message_max, have = c->received.end, rest;

        note_alive(c);
        if (c->closing || c->peer_closed)
                return;
        if (max == 0)
                max = MESSAGE_MAX_DEFAULT;
        rest = lws_remaining_packet_payload(c->lws); /* of this frame; whether more frames follow is not known yet */
        /* A reload may have made the limit smaller than what is there already. */
        if (have > max || size > max - have || rest > max - have - size) {
                buffer_emptied(&c->received);
                connection_close(c, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too large");
                return;
        }
        if (have == 0 && lws_is_final_fragment(c->lws)) {
                deliver(c, piece, size);
                return;
        }
        if (buffer_reserve(&c->received, size + rest) < 0) {
                connection_close(c, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "out of memory");
                return;
        }
        buffer_append(&c->received, piece, size);
        if (!lws_is_final_fragment(c->lws))
                return;
        deliver(c, c->received.bytes, c->received.end);
        buffer_emptied(&c->received);
}

static int send_piece(Connection *c) {
        WsPiece piece = ws_queue_peek(&c->queue, WS_FRAME_MAX);
        int type = piece.message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT, n;
        uint8_t *data = piece.message->bytes + WS_HEAD_ROOM + piece.offset, covered[WS_HEAD_ROOM];

        /* The head of a frame is written over what stands before it, which others have still to be sent. */
        memcpy(covered, data - sizeof(covered), sizeof(covered));
        /* What the socket does not take lws keeps and sends before it calls us again. */
        n = lws_write(c->lws, data, piece.size, (enum lws_write_protocol) lws_write_ws_flags(type, piece.first, piece.last));
        memcpy(data - sizeof(covered), covered, sizeof(covered));
        if (n < 0)
                return -EPIPE;
        c->sent += piece.size;
        ws_queue_take(&c->queue, &piece);
        return 0;
}

static int send_queued(Connection *c) {
        while (!ws_queue_is_empty(&c->queue)) {
                int r = send_piece(c);

                if (r < 0)
                        return r;
                if (!ws_queue_is_empty(&c->queue) && lws_send_pipe_choked(c->lws)) {
                        (void) lws_callback_on_writable(c->lws);
                        return 0;
                }
        }
        return 0;
}

static int on_writable(Connection *c) {
        if (c->peer_closed)
                return 0;
        if (send_queued(c) < 0)
                return -1;
        if (!c->closing || !ws_queue_is_empty(&c->queue))
                return 0;
        /* lws drops the close frame when it holds the rest of a message back. */
        if (lws_partial_buffered(c->lws)) {
                (void) lws_callback_on_writable(c->lws);
                return 0;
        }
        if (!c->ended) {
                c->ended = true;
                LIST_INSERT_HEAD(&c->ws->ended, c, ended_entries);
        }
        return 0;
}

/* A callback that returns nonzero would be the usual way, but with libuv lws, as Debian builds it, closes a second
 * time right after the first, which drops the close frame. */
void close_ended(Ws *ws) {
        Connection *c;

        while ((c = LIST_FIRST(&ws->ended))) {
                LIST_REMOVE(c, ended_entries);
                c->ended = false;
                if (c->peer_closed)
                        continue;
                lws_close_reason(c->lws, c->close_code, (uint8_t *) c->close_reason,
                                 c->close_reason ? strnlen(c->close_reason, REASON_MAX) : 0);
                lws_set_timeout(c->lws, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
        }
}

/* A client may offer subprotocols. None is spoken here, and RFC 6455 (4.2.2) lets a server go on without one, but
 * lws refuses whoever offers only what it has no protocol of that name for. So the first offer becomes the name of
 * one for the time that lws compares; before lws answers the name is taken away again, and none is selected. */
static void accept_subprotocol(Ws *ws, struct lws *lws) {
        struct lws_tokenize tokens;
        char offered[128];
        int n = lws_hdr_copy(lws, offered, sizeof(offered) - 1, WSI_TOKEN_PROTOCOL);
        lws_tokenize_elem element;

        ws->subprotocol[0] = '\0';
        if (n <= 0)
                return;
        lws_tokenize_init(&tokens, offered, LWS_TOKENIZE_F_COMMA_SEP_LIST | LWS_TOKENIZE_F_MINUS_NONTERM |
                                                    LWS_TOKENIZE_F_DOT_NONTERM | LWS_TOKENIZE_F_RFC7230_DELIMS);
        tokens.len = (size_t) n;
        do
                element = lws_tokenize(&tokens);
        while (element == LWS_TOKZE_DELIMITER);
        if (element != LWS_TOKZE_TOKEN || lws_tokenize_cstr(&tokens, ws->subprotocol, sizeof(ws->subprotocol)) != 0)
                ws->subprotocol[0] = '\0';
}

static int refuse_http(struct lws *lws) {
        (void) lws_return_http_status(lws, HTTP_STATUS_BAD_REQUEST, NULL); /* the connection ends in any case */
        return -1;
}

int on_lws(struct lws *lws, enum lws_callback_reasons reason, void *session, void *in, size_t size) {
        Ws *ws = lws_context_user(lws_get_context(lws));
        Connection *c = lws_get_opaque_user_data(lws);

        if (!c) /* of lws's own, or not adopted yet */
                return 0;
        switch (reason) {
        case LWS_CALLBACK_HTTP:
                return refuse_http(lws);
        case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
                if (strcasecmp(in, "websocket") != 0)
                        return refuse_http(lws);
                accept_subprotocol(ws, lws);
                return 0;
        case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
                ws->subprotocol[0] = '\0'; /* the handshake is accepted, see accept_subprotocol() */
                return 0;
        case LWS_CALLBACK_ESTABLISHED:
                return on_established(c);
        case LWS_CALLBACK_RECEIVE:
                on_received(c, in, size);
                return 0;
        case LWS_CALLBACK_SERVER_WRITEABLE:
                return on_writable(c);
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
                c->peer_closed = true;
                return 0; /* lws answers it */
        case LWS_CALLBACK_CLOSED:
                c->peer_closed = true;
                call_close(c);
                return 0;
        case LWS_CALLBACK_WSI_DESTROY:
                lws_set_opaque_user_data(lws, NULL);
                connection_free(c);
                return 0;
        default:
                return 0;
        }
}
