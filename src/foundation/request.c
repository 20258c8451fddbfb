/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/gate.h"
#include "shared/log.h"

#define BODY_SPACE_FIRST 4096
/* A body that is too large is read and thrown away up to this many times the limit, so that its sender gets to
 * read the 413 instead of a reset. */
#define DISCARD_TIMES 4

/* What MHD calls for a request: begin, continue (head, body, end), completed. */

/* Clients that take us for a proxy send the path with our address in front (RFC 9112 3.2.2). */
static int take_target(HttpRequest *request, const char *target) {
        const char *path = target;

        if (strncasecmp(target, "http://", strlen("http://")) == 0) {
                const char *authority = target + strlen("http://");

                path = authority + strcspn(authority, "/?");
                request->authority = strndup(authority, (size_t) (path - authority));
                if (!request->authority)
                        return -ENOMEM;
                if (*path != '/')
                        path = "/";
        }
        request->target_size = strlen(target);
        request->path = strndup(path, strcspn(path, "?"));
        return request->path ? 0 : -ENOMEM;
}

static bool request_id_ok(const char *id) {
        size_t n = strlen(id);

        return n > 0 && n <= 64 &&
                strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

void forward_request_id(Server *server, const char *wanted, char ret[static REQUEST_ID_MAX]) {
        if (wanted && request_id_ok(wanted))
                (void) snprintf(ret, REQUEST_ID_MAX, "%s", wanted);
        else
                (void) snprintf(ret, REQUEST_ID_MAX, "%016" PRIx64 "-%" PRIu64, server->request_id_prefix,
                                ++server->next_request_id);
}

void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info;
        HttpRequest *request = calloc(1, sizeof(HttpRequest));

        if (!request)
                return NULL; /* request_continue() closes the connection then */
        request->server = cls;
        request->mhd = connection;
        request->begun = now_usec();
        if (request->server->proxying)
                request->target = strdup(uri);
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        if (take_target(request, uri) < 0 || (request->server->proxying && !request->target) || !info ||
            !info->socket_context) {
                free(request->authority);
                free(request->path);
                free(request->target);
                free(request);
                return NULL;
        }
        request->conn = info->socket_context;
        request->conn->request = request;
        conn_enter(request->conn, CONN_HEAD);
        return request;
}

static void request_free(HttpRequest *request) {
        if (request->stream)
                stream_detach(request->stream);
        request_forget_gone(request);
        forward_release(request);
        route_match_done(&request->match);
        route_set_unref(request->set);
        for (size_t i = 0; i < request->n_headers; i++) {
                free(request->headers[i].name);
                free(request->headers[i].value);
        }
        free(request->body);
        free(request->authority);
        free(request->path);
        free(request->target);
        free(request);
}

void request_leave_set(HttpRequest *request) {
        EndpointStats *stats = request->match.stats;

        route_match_done(&request->match);
        request->match.stats = stats; /* they belong to the process */
        request->set = route_set_unref(request->set);
}

void request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode why) {
        HttpRequest *request = *con_cls;

        if (!request)
                return;
        *con_cls = NULL;
        if (request->status > 0)
                stats_count(request->server->stats, request->match.stats, request->status, request->taken);
        gate_forget(request->conn);
        request->conn->waits_until = 0;
        request->conn->request = NULL;
        conn_enter(request->conn, CONN_ANSWERED);
        request_free(request);
}

static int refuse(HttpRequest *request) {
        char *allow = methods_to_string(request->match.methods);
        int r;

        if (request->match.methods == METHOD_WS || request->match.methods == (METHOD_WS | METHOD_OPTIONS)) {
                free(allow);
                (void) http_reply_header(request, MHD_HTTP_HEADER_UPGRADE, "websocket");
                return http_reply_error(request, MHD_HTTP_UPGRADE_REQUIRED, "UPGRADE_REQUIRED",
                                        "%s is a WebSocket: ask for it with Upgrade: websocket", request->path);
        }
        if (request->match.methods == 0) {
                free(allow);
                if (request->method == METHOD_OPTIONS && streq(request->path, "*"))
                        return http_reply(request, MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
                return http_reply_error(request, MHD_HTTP_NOT_FOUND, "NOT_FOUND", "no such path: %s", request->path);
        }
        r = allow ? http_reply_header(request, MHD_HTTP_HEADER_ALLOW, allow) : -ENOMEM;
        free(allow);
        if (r < 0)
                return r;
        if (request->method == METHOD_OPTIONS)
                return http_reply(request, MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
        return http_reply_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "%s cannot be used on %s",
                                request->method_name, request->path);
}

static size_t body_limit(const HttpRequest *request) {
        return request->match.route && request->match.route->body_max > 0 ? request->match.route->body_max
                                                                         : HTTP_BODY_MAX_DEFAULT;
}

static int reply_too_large(HttpRequest *request) {
        return http_reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "BODY_TOO_LARGE",
                                "the body may be at most %zu bytes here", body_limit(request));
}

/* Refused at once only where the sender waits for that, or where there is too much to throw away. */
static int judge_length(HttpRequest *request) {
        const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
        unsigned long long size = length ? strtoull(length, NULL, 10) : 0;

        if (size <= body_limit(request))
                return 0;
        if (size > body_limit(request) * DISCARD_TIMES || http_request_header(request, MHD_HTTP_HEADER_EXPECT))
                return reply_too_large(request);
        request->too_large = true;
        return 0;
}

static int reply_forbidden(HttpRequest *request) {
        return http_reply_error(request, access_status(request->access), access_code(request->access), "%s",
                                access_sentence(request->access));
}

/* Nothing of the service is looked at for a request that is not let in. Its body is thrown away, so that the sender gets
 * to read the answer; one that is not sent before we say so is never asked for. */
static int judge_access(HttpRequest *request) {
        request->access = gate_judge_head(request->conn, &request->head);
        if (request->access <= ACCESS_WAIT)
                return 0;
        conn_enter(request->conn, CONN_BODY);
        return http_request_header(request, MHD_HTTP_HEADER_EXPECT) ? reply_forbidden(request) : 0;
}

static void wait_at_gate(HttpRequest *request) {
        gate_wait(request->conn);
        conn_enter(request->conn, CONN_WORKING);
        request->suspended = true;
        MHD_suspend_connection(request->mhd);
}

/* Before the handler runs: 1 when it may, 0 when it has to wait or an answer was given. */
static int pass_gate(HttpRequest *request) {
        if (request->access == ACCESS_WAIT)
                request->access = gate_judge_head(request->conn, &request->head);
        if (request->access == ACCESS_WAIT) {
                wait_at_gate(request);
                return 0;
        }
        return request->access == ACCESS_OK ? 1 : reply_forbidden(request);
}

/* Whose it is: another service's, or that of one of our routes. */
static int find_taker(HttpRequest *request) {
        int r;

        request->settled = true;
        if (request->target) {
                r = forward_begin(request, NULL, NULL);
                if (request->exchange)
                        conn_enter(request->conn, CONN_BODY);
                if (r != 0)
                        return MIN(r, 0);
        }
        request->set = route_set_ref(request->server->routes);
        r = route_match(request->set, request->method, request->path, &request->match);
        if (r < 0)
                return r;
        conn_enter(request->conn, CONN_BODY);
        return judge_length(request);
}

/* A request that waits at the gate and may be another service's. Its body stays with libmicrohttpd meanwhile. */
static int settle_access(HttpRequest *request) {
        request->access = gate_judge_head(request->conn, &request->head);
        if (request->access == ACCESS_OK)
                return find_taker(request);
        if (request->access == ACCESS_WAIT)
                wait_at_gate(request);
        else
                request->settled = true; /* read to its end and thrown away, then refused */
        return 0;
}

/* The head is complete. What can be refused by it alone is refused before the body comes. */
static int judge_head(HttpRequest *request, const char *method, const char *version) {
        const char *why = NULL;
        unsigned status;
        int r;

        request->seen = true;
        request->method_name = method;
        request->method = method_from_string(method);
        forward_request_id(request->server, http_request_header(request, "X-Request-Id"), request->id);

        status = guard_request(request, method, version, &why);
        if (status > 0) {
                (void) http_reply_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
                return http_reply_error(request, status,
                                        status == MHD_HTTP_NOT_IMPLEMENTED ? "NOT_IMPLEMENTED" : "BAD_REQUEST", "%s",
                                        why);
        }
        request->http_1_0 = streq(version, MHD_HTTP_VERSION_1_0);
        r = judge_access(request);
        if (r < 0 || request->access > ACCESS_WAIT) {
                request->settled = true;
                return r;
        }
        if (request->target && request->access == ACCESS_WAIT) {
                conn_enter(request->conn, CONN_BODY);
                return 0; /* nothing of it may reach another service yet, see settle_access() */
        }
        return find_taker(request);
}

/* 0 also for what is thrown away; negative errno closes the connection. */
static int take_body(HttpRequest *request, const char *data, size_t size) {
        size_t limit = body_limit(request), space;
        char *grown;

        if (request->too_large || request->access > ACCESS_WAIT || request->body_size + size > limit) {
                request->too_large = true;
                free(TAKE_PTR(request->body));
                request->body_size += size;
                return request->body_size > limit * DISCARD_TIMES ? -E2BIG : 0;
        }
        if (request->body_size + size > request->body_space) {
                space = MIN(limit, MAX(request->body_space * 2, MAX(request->body_size + size, BODY_SPACE_FIRST)));
                grown = realloc(request->body, space);
                if (!grown)
                        return -ENOMEM;
                request->body = grown;
                request->body_space = space;
        }
        memcpy(request->body + request->body_size, data, size);
        request->body_size += size;
        return 0;
}

static int call_handler(HttpRequest *request) {
        const HttpRoute *route = request->match.route;
        int r;

        r = pass_gate(request);
        if (r <= 0)
                return r;
        request->called = true;
        conn_enter(request->conn, CONN_WORKING);
        if (request->too_large)
                return reply_too_large(request);
        if (!route)
                return refuse(request);
        r = route->handle(request, route_set_state(request->set, route));
        if (request->status > 0 || request->exchange)
                return 0;
        if (r == HTTP_LATER) {
                request->suspended = true;
                MHD_suspend_connection(request->mhd);
                return 0;
        }
        if (r >= 0)
                r = -ENODATA;
        log_fields(LOG_ERR, (const char *const[]) { "TOOLOO_EVENT=request-failed", NULL },
                   "%s %s failed: %s (request %s)", request->method_name, request->path, strerror(-r), request->id);
        return http_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "INTERNAL", "%s",
                                r == -ENODATA ? "the handler gave no answer" : strerror(-r));
}

/* After the head: a part of the body, or with *size 0 its end. */
static int take_more(HttpRequest *request, const char *data, size_t *size) {
        int r;

        if (!request->settled) {
                request->head_over = *size > 0;
                r = settle_access(request);
                if (r < 0 || request->suspended || request->status > 0)
                        return r;
        }
        if (request->exchange)
                return forward_continue(request, data, size);
        if (*size > 0) {
                r = take_body(request, data, *size);
                *size = 0;
                return r;
        }
        if (!request->called)
                return call_handler(request);
        return -ENODATA; /* resumed without an answer, see request_reply_failed() */
}

enum MHD_Result request_continue(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *upload_data, size_t *upload_size, void **con_cls) {
        Server *server = cls;
        HttpRequest *request = *con_cls;
        int r;

        server->mhd_idle_runs = 0;
        if (!request)
                return MHD_NO;
        if (request->status > 0)
                return MHD_YES;
        if (!request->seen)
                r = judge_head(request, method, version);
        else
                r = take_more(request, upload_data, upload_size);
        return r < 0 ? MHD_NO : MHD_YES;
}
