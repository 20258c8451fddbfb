/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <json-c/json_tokener.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/gate.h"
#include "foundation/json-util.h"
#include "shared/log.h"

#define BODY_SPACE_FIRST 4096
#define JSON_DEPTH_MAX 32
/* A body that is too large is read and thrown away up to this many times the limit, so that its sender gets to
 * read the 413 instead of a reset. */
#define DISCARD_TIMES 4

/* --- From MHD: begin, continue (head, body, end), completed --- */

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

/* --- What handlers ask of a request --- */

const char *http_request_method(const HttpRequest *request) {
        return request->method_name;
}

const char *http_request_path(const HttpRequest *request) {
        return request->path;
}

const char *http_request_id(const HttpRequest *request) {
        return request->id;
}

uint64_t http_request_generation(const HttpRequest *request) {
        return route_set_generation(request->set);
}

const char *http_request_param(const HttpRequest *request, const char *name) {
        return route_match_param(&request->match, name);
}

const char *http_request_query(const HttpRequest *request, const char *name) {
        return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_header(const HttpRequest *request, const char *name) {
        return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

const void *http_request_body(const HttpRequest *request, size_t *ret_size) {
        *ret_size = request->body_size;
        return request->body;
}

int http_request_json(HttpRequest *request, json_object **ret) {
        json_tokener *tokener;
        json_object *json;
        enum json_tokener_error error;
        size_t end;

        if (request->body_size == 0) {
                (void) http_reply_error(request, MHD_HTTP_BAD_REQUEST, "BODY_MISSING",
                                        "a JSON object is expected as body");
                return -EBADMSG;
        }
        tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, request->body, (int) request->body_size);
        error = json_tokener_get_error(tokener);
        end = json_tokener_get_parse_end(tokener);
        /* A NUL says that nothing follows: of a bare number only that tells the end. */
        if (error == json_tokener_continue) {
                json = json_tokener_parse_ex(tokener, "", 1);
                error = json_tokener_get_error(tokener);
        } else if (error == json_tokener_success && end < request->body_size)
                error = json_tokener_error_parse_unexpected; /* to json-c the text ends at a NUL */
        json_tokener_free(tokener);
        if (error == json_tokener_success && json_object_is_type(json, json_type_object)) {
                *ret = json;
                return 0;
        }
        json_object_put(json);
        if (error == json_tokener_success)
                (void) http_reply_error(request, MHD_HTTP_BAD_REQUEST, "BODY_NOT_OBJECT",
                                        "the body must be a JSON object");
        else
                (void) http_reply_error(request, MHD_HTTP_BAD_REQUEST, "BODY_NOT_JSON",
                                        "the body is not JSON: %s at byte %zu",
                                        error == json_tokener_error_parse_eof ? "it ends early"
                                                                              : json_tokener_error_desc(error),
                                        end);
        return -EBADMSG;
}

/* --- Replies --- */

static int add_common_headers(HttpRequest *request, struct MHD_Response *response) {
        enum MHD_Result ok = MHD_add_response_header(response, "X-Request-Id", request->id);

        for (size_t i = 0; ok == MHD_YES && i < request->n_headers; i++)
                ok = MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
        if (ok == MHD_YES && request->server->draining)
                ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        return ok == MHD_YES ? gate_add_headers(request, response) : -ENOMEM;
}

void request_wake(HttpRequest *request) {
        request->suspended = false;
        MHD_resume_connection(request->mhd);
        server_run_mhd_soon(request->server);
}

int request_reply_failed(HttpRequest *request, int r) {
        if (request->suspended)
                request_wake(request);
        return r;
}

int request_queue_response(HttpRequest *request, unsigned status, struct MHD_Response *response) {
        enum MHD_Result ok;
        int r;

        if (request->status > 0) {
                MHD_destroy_response(response);
                return -EALREADY;
        }
        r = add_common_headers(request, response);
        if (r >= 0) {
                ok = MHD_queue_response(request->mhd, status, response);
                r = ok == MHD_YES ? 0 : -ECONNRESET;
        }
        MHD_destroy_response(response);
        if (r >= 0) {
                request->status = status;
                request->taken = now_usec() - request->begun;
                conn_enter(request->conn, CONN_SENDING);
        }
        if (request->suspended)
                request_wake(request);
        return r;
}

int http_reply(HttpRequest *request, unsigned status, const char *content_type, const void *data, size_t size) {
        struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *) data, MHD_RESPMEM_MUST_COPY);

        if (!response)
                return request_reply_failed(request, -ENOMEM);
        if (content_type &&
            MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES) {
                MHD_destroy_response(response);
                return request_reply_failed(request, -ENOMEM);
        }
        return request_queue_response(request, status, response);
}

int http_reply_json(HttpRequest *request, unsigned status, json_object *body) {
        size_t size;
        const char *text;
        int r;

        if (!body)
                return request_reply_failed(request, -ENOMEM);
        text = json_object_to_json_string_length(body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
                                                 &size);
        r = text ? http_reply(request, status, "application/json", text, size)
                 : request_reply_failed(request, -ENOMEM);
        json_object_put(body);
        return r;
}

int http_reply_error(HttpRequest *request, unsigned status, const char *code, const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        const char *service = request->server->id;
        char now[ISO8601_MAX];
        json_object *json;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        json = json_object_new_object();
        if (!message || !json || !json_add(json, "ok", json_object_new_boolean(false)) ||
            !json_add(json, "error", json_object_new_string(message)) ||
            !json_add(json, "code", json_object_new_string(code)) ||
            !json_add(json, "service", service ? json_object_new_string(service) : NULL) ||
            !json_add(json, "timestamp", json_object_new_string(format_iso8601(now, now_realtime_usec())))) {
                json_object_put(json);
                return request_reply_failed(request, -ENOMEM);
        }
        return http_reply_json(request, status, json);
}

int http_reply_header(HttpRequest *request, const char *name, const char *value) {
        struct ReplyHeader *header = &request->headers[request->n_headers];

        if (request->n_headers >= ELEMENTSOF(request->headers))
                return -E2BIG;
        header->name = strdup(name);
        header->value = strdup(value);
        if (!header->name || !header->value) {
                free(header->name);
                free(header->value);
                return -ENOMEM;
        }
        request->n_headers++;
        return 0;
}
