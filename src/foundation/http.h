/* SPDX-License-Identifier: MIT */
#pragma once

/* What a handler sees of the server: routes, requests and replies, streams, WebSockets. This header is part of the
 * module ABI: a change of a struct or of a signature here raises TOOLOO_MODULE_ABI in host/module-abi.h.
 *
 * Everything runs on one event loop. A handler must not block: what takes longer answers later (HTTP_LATER).
 * Connections and all objects below belong to the server; a pointer to one is valid until the call that its
 * comment names. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

typedef struct HttpRequest HttpRequest;
typedef struct HttpStream HttpStream;
typedef struct WsConn WsConn;
typedef struct WsMessage WsMessage;

#define HTTP_BODY_MAX_DEFAULT ((size_t) 2 * 1024 * 1024)
#define HTTP_BODY_MAX_CEILING ((size_t) 256 * 1024 * 1024)
#define HTTP_PARAMS_MAX 8
#define HTTP_SEGMENTS_MAX 32
#define HTTP_REPLY_HEADERS_MAX 8

/* A handler that has not replied yet returns HTTP_LATER and replies from a later event; until then the request,
 * and the generation it came to, stay alive. Any other result: 0 after a reply, negative errno for a 500. */
#define HTTP_LATER 1

typedef int (*HttpHandler)(HttpRequest *request, void *state);

/* A stream (Server-Sent Events or any answer of unknown length). What it carries from event to event is `data`: plain
 * bytes without pointers that the server owns. After a reload the stream goes on with `next` of the new generation if
 * that has the same path with the same version and data_size; else it holds the old generation until it ends. */
typedef struct HttpStreamType {
        uint32_t version;
        /* It never goes on in another generation, so its data may hold pointers. It holds its own one until it ends. */
        bool pinned;
        size_t data_size;
        /* Called once at the start, then whenever the stream is woken and its client has read what came before.
         * Writes any number of bytes with http_stream_write(). 0 to go on, HTTP_STREAM_END or negative errno to
         * end it. */
        int (*next)(HttpStream *stream, void *data, void *state);
        /* Called once for each stream that was started, when it is over, for whatever reason: `next` ended it, the client
         * is gone, the service ends. Neither data nor the stream are used after it. May be NULL. */
        void (*end)(void *data, void *state);
} HttpStreamType;

#define HTTP_STREAM_END 1

/* A WebSocket endpoint. `data`, `version` and `data_size` as with streams.
 * When the new generation has no such endpoint the connection is closed with code 1012 (service restart). */
typedef struct WsType {
        uint32_t version;
        size_t data_size;
        size_t message_max; /* larger messages close the connection with 1009; 0 means 1 MiB */
        /* Negative errno closes the connection (code 1011). open and close may be NULL. close comes once for each
         * connection that was open, and for one whose open failed. message is valid until the handler returns. */
        int (*open)(WsConn *conn, void *data, void *state);
        int (*message)(WsConn *conn, void *data, const void *message, size_t size, bool binary, void *state);
        void (*close)(WsConn *conn, void *data, void *state);
} WsType;

/* One row of a route table. A segment ":name" of the path matches one segment and becomes a parameter. Where several
 * rows match, a literal segment beats a parameter. Just one of handle and ws is set; `stream` comes beside handle. */
typedef struct HttpRoute {
        const char *method; /* "GET", "POST", ...; HEAD and OPTIONS are answered by the server. NULL with ws */
        const char *path;
        HttpHandler handle;
        const HttpStreamType *stream;
        const WsType *ws;
        size_t body_max; /* bytes, at most HTTP_BODY_MAX_CEILING; 0 means HTTP_BODY_MAX_DEFAULT */
} HttpRoute;

/* --- The request. Strings are valid until the reply. --- */

const char *http_request_method(const HttpRequest *request) _public_;
const char *http_request_path(const HttpRequest *request) _public_;
const char *http_request_id(const HttpRequest *request) _public_;
uint64_t http_request_generation(const HttpRequest *request) _public_;
/* NULL where there is none. Parameters and query values are percent-decoded; header names have any case. */
const char *http_request_param(const HttpRequest *request, const char *name) _public_;
const char *http_request_query(const HttpRequest *request, const char *name) _public_;
const char *http_request_header(const HttpRequest *request, const char *name) _public_;
/* The whole body; NULL and 0 when there is none. */
const void *http_request_body(const HttpRequest *request, size_t *ret_size) _public_;
/* The body as a JSON object; the caller puts *ret. On failure the handler returns 0: -EBADMSG when it has replied
 * 400, -ENOMEM when the server replies 500. */
int http_request_json(HttpRequest *request, json_object **ret) _public_;

/* For a handler that answers later: `gone` is called once if the client goes away before the reply; one that has closed
 * just its sending side counts as gone. The handler still owes its one reply, which is -ECONNRESET then and lets the
 * request go; from within gone if it likes. When the service ends with the request unanswered, gone is called as well, and
 * the request is over when it returns. -EALREADY after the reply, and for a second one. */
int http_request_on_gone(HttpRequest *request, void (*gone)(HttpRequest *request, void *userdata), void *userdata)
        _public_;

/* --- The reply: exactly one for each request. 0, or negative errno: -ENOMEM, -ECONNRESET when the client is gone
 * (nothing to do then), -EALREADY for a second one. --- */

/* Takes over body, also on failure. */
int http_reply_json(HttpRequest *request, unsigned status, json_object *body) _public_;
/* Copies data. */
int http_reply(HttpRequest *request, unsigned status, const char *content_type, const void *data, size_t size)
        _public_;
/* What GET /health says; a handler for a route that is to say the same. */
int http_reply_health(HttpRequest *request, void *state) _public_;
/* {ok:false, error, code, service, timestamp}. code is a short word for programs, such as "NOT_FOUND". */
int http_reply_error(HttpRequest *request, unsigned status, const char *code, const char *format, ...)
        _public_ _printf_(4, 5);
/* Starts the stream of the request's route (-EINVAL when it has none); data (data_size bytes, NULL for zeroes) is
 * copied. After a failure there is no stream, and its `end` is not called. */
int http_reply_stream(HttpRequest *request, const char *content_type, const void *data) _public_;
/* The same where the stream is pinned (-EINVAL where it is not). *ret is valid until `end` is called, so that other events
 * of the loop can write to it and wake it; `end` is not called before this returns. */
int http_reply_stream_take(HttpRequest *request, const char *content_type, const void *data, HttpStream **ret)
        _public_;
/* Adds a header to the reply that follows; copied. -E2BIG after HTTP_REPLY_HEADERS_MAX. */
int http_reply_header(HttpRequest *request, const char *name, const char *value) _public_;

/* --- Other services, in a module with `proxy` --- */

/* Lets another service answer, without the request's body: target is the path there, with a query where it has one.
 * This stands for the reply, so the handler returns 0 after it; failures of the service are answered as they are for
 * all that is forwarded. -ENOENT (nothing was done): no such service; -EOPNOTSUPP in a module without `proxy`. */
int http_forward(HttpRequest *request, const char *service, const char *target) _public_;
/* [{prefix, service, port}], sorted by prefix; the caller puts. NULL without memory or in a module without `proxy`. */
json_object *http_proxy_routes(const HttpRequest *request) _public_;
/* {services:[{id, name, port, condition, state, ...}], proxy:{requests, ...}}; as above. */
json_object *http_proxy_status(const HttpRequest *request) _public_;

/* --- Streams. stream is valid until the `next` that was given it returns; a pinned one until its `end` is called. --- */

/* Queues bytes; -ENOBUFS over 1 MiB that the client has not read, -EPIPE when the stream ends. From another event than
 * `next`, http_stream_wake() sends them. */
int http_stream_write(HttpStream *stream, const void *data, size_t size) _public_;
/* Queues "data: TEXT\n\n" (with "event: NAME" before it unless NULL); -EINVAL when either holds a newline. */
int http_stream_event(HttpStream *stream, const char *name, const char *text) _public_;
/* Calls next again after that time; the last call counts. Without one the stream waits until the program wakes it. */
int http_stream_wake_after(HttpStream *stream, uint64_t usec) _public_;
/* Wakes this one alone, from any event: `next` is called once the client has read what came before. */
void http_stream_wake(HttpStream *stream) _public_;
/* Bytes that are queued and that the kernel has not been given, for the client does not read. */
size_t http_stream_waiting(const HttpStream *stream) _public_;
uint64_t http_stream_generation(const HttpStream *stream) _public_;

/* --- WebSockets. conn is valid until `close` returns. --- */

/* Queues one message (a copy); -ENOBUFS over 4 MiB that the client has not read, -EPIPE when the connection ends. */
int ws_send(WsConn *conn, const void *data, size_t size, bool binary) _public_;
/* A message for many connections: one copy, however many of them wait for it. The caller unrefs. */
int ws_message_new(const void *data, size_t size, bool binary, WsMessage **ret) _public_;
WsMessage *ws_message_ref(WsMessage *message) _public_;
WsMessage *ws_message_unref(WsMessage *message) _public_;
size_t ws_message_size(const WsMessage *message) _public_;
static inline void ws_message_unrefp(WsMessage **message) {
        (void) ws_message_unref(*message);
}
/* As ws_send(), without the copy. */
int ws_send_message(WsConn *conn, WsMessage *message) _public_;
/* The same for what is worth reading in its newest version alone: it takes the place of the message that was queued so
 * before it, unless that is on its way already (1 then, else 0). So no more than two of them ever wait for a client. */
int ws_send_latest(WsConn *conn, WsMessage *message) _public_;
/* Closes with a code of RFC 6455 and a reason (copied, NULL for none, at most 123 bytes of it) once what is queued
 * has been sent. */
void ws_close(WsConn *conn, uint16_t code, const char *reason) _public_;
/* Bytes of messages that wait for the client to read, with a little for each message. What has been given to the kernel
 * does not count. */
size_t ws_queued(const WsConn *conn) _public_;
/* Bytes of messages that the kernel was given so far: whether a client reads shows in that it grows. */
uint64_t ws_sent(const WsConn *conn) _public_;
const char *ws_path(const WsConn *conn) _public_;
uint64_t ws_generation(const WsConn *conn) _public_;
