/* SPDX-License-Identifier: MIT */
#include "foundation/forward.h"

#include <dlfcn.h>
#include <string.h>

#include "basic/string-util.h"
#include "config.h"
#include "foundation/object.h"
#include "foundation/server-internal.h"
#include "shared/log.h"

/* How long connections wait in the backlog for the registry. */
#define LOAD_USEC (2 * USEC_PER_SEC)
/* Read from the exchange at once, where the length is known; in chunks MHD uses memory of the connection. */
#define BLOCK_SIZE ((size_t) 32 * 1024)
/* What MHD adds to a head: status line, Date, Content-Length or Transfer-Encoding, Connection. */
#define HEAD_EXTRA 512

/* --- The proxy's life --- */

static void serve_now(Server *server) {
        server->proxy_load_timer = sd_event_source_disable_unref(server->proxy_load_timer);
        server_hold(server, false);
}

static void on_loaded(void *userdata) {
        serve_now(userdata);
}

static int on_load_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        log_warning("The registry of services could not be read within 2 s: serving without it until it can");
        serve_now(userdata);
        return 0;
}

/* The object is never unloaded, for libcurl and what it links keep state of the process. */
static int load_proxy(Server *server) {
        const ProxyOps *ops;
        void *object;
        int r;

        object = object_load(TL_PKGLIB_DIR "/tooloo-proxy.so");
        if (!object) {
                log_error("Cannot load proxy support: %s", dlerror());
                return -ELIBACC;
        }
        ops = dlsym(object, PROXY_OPS_SYMBOL);
        if (!ops) {
                log_error("Cannot load proxy support: %s", dlerror());
                return -ELIBBAD;
        }
        server->proxy_ops = ops;
        server_hold(server, true);
        r = ops->create(server->event, server, server->id, &server->timeouts.forward, on_loaded, server,
                        &server->proxy);
        if (r < 0) {
                server_hold(server, false);
                return log_errno(r, "Cannot start the proxy");
        }
        if (!server->held)
                return 0;
        r = sd_event_add_time_relative(server->event, &server->proxy_load_timer, CLOCK_MONOTONIC, LOAD_USEC, 0,
                                       on_load_limit, server);
        if (r < 0) {
                log_errno(r, "Cannot wait for the registry");
                serve_now(server);
        }
        return 0;
}

int server_set_proxy(Server *server, bool proxying) {
        if (proxying && !server->proxy) {
                int r = load_proxy(server);

                if (r < 0)
                        return r;
        }
        server->proxying = proxying;
        return 0;
}

bool server_is_prepared(const Server *server) {
        return !server->held;
}

/* --- The client's side of an exchange --- */

int forward_begin(HttpRequest *request, const char *service, const char *target) {
        Server *server = request->server;
        int r;

        r = server->proxy_ops->begin(server->proxy, request, service, target, &request->exchange);
        if (request->exchange)
                request->head_over = true;
        return r;
}

static void suspend(HttpRequest *request) {
        request->suspended = true;
        MHD_suspend_connection(request->mhd);
        conn_enter(request->conn, CONN_WORKING);
}

int forward_continue(HttpRequest *request, const char *data, size_t *size) {
        const ProxyOps *ops = request->server->proxy_ops;

        if (request->aborted)
                return -ECONNABORTED;
        if (*size > 0) {
                *size -= ops->body(request->exchange, data, *size);
                if (request->aborted)
                        return -ECONNABORTED;
                if (*size > 0)
                        suspend(request);
                else
                        conn_enter(request->conn, CONN_BODY); /* anew: its limit is for silence, not for length */
                return 0;
        }
        if (!request->called) {
                request->called = true;
                ops->body_end(request->exchange);
        }
        if (request->aborted)
                return -ECONNABORTED;
        if (request->status == 0)
                suspend(request);
        return 0;
}

void forward_release(HttpRequest *request) {
        request->hangup = sd_event_source_disable_unref(request->hangup);
        if (request->exchange)
                request->server->proxy_ops->release(TAKE_PTR(request->exchange));
}

static ssize_t read_answer(void *cls, uint64_t position, char *buf, size_t max) {
        HttpRequest *request = cls;
        ssize_t n;

        request->server->mhd_idle_runs = 0;
        if (request->aborted)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        n = request->server->proxy_ops->read(request->exchange, buf, max);
        if (n > 0)
                conn_enter(request->conn, CONN_SENDING); /* anew, for MHD asks when the client has read */
        else if (n == 0)
                suspend(request);
        else
                n = n == -ENODATA ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
        return n;
}

static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        forward_abort(userdata);
        return 0;
}

/* --- What the proxy asks for --- */

const char *forward_target(const HttpRequest *request) {
        return request->target;
}

bool forward_is_http_1_0(const HttpRequest *request) {
        return request->http_1_0;
}

struct Each {
        void (*call)(void *userdata, const char *name, const char *value);
        void *userdata;
};

static enum MHD_Result each_field(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
        const struct Each *each = cls;

        each->call(each->userdata, name, value ? value : "");
        return MHD_YES;
}

void forward_fields(const HttpRequest *request, void (*each)(void *userdata, const char *name, const char *value),
                    void *userdata) {
        struct Each cls = { each, userdata };

        (void) MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, each_field, &cls);
}

const struct sockaddr *forward_peer(const HttpRequest *request) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        return info ? info->client_addr : NULL;
}

EndpointStats *forward_stats(Server *server, const char *service) {
        EndpointStats *stats = NULL;

        return stats_endpoint(server->stats, "PROXY", service, &stats) < 0 ? NULL : stats;
}

void forward_count_in(HttpRequest *request, EndpointStats *stats) {
        request->match.stats = stats;
}

void forward_count(Server *server, EndpointStats *stats, unsigned status, uint64_t usec) {
        stats_count(server->stats, stats, status, usec);
}

/* MHD closes the connection without a word when the head does not fit. */
static bool head_fits(const HttpRequest *request, const ForwardField *fields, size_t n_fields) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
        size_t size = HEAD_EXTRA + (info ? info->header_size : 0);

        for (size_t i = 0; i < n_fields; i++)
                size += strlen(fields[i].name) + strlen(fields[i].value) + strlen(": \r\n");
        return size <= CONNECTION_MEMORY;
}

/* Without a length MHD would say 0, which may be wrong, or that it comes in chunks, and then send their end to a HEAD; but
 * not to a client of HTTP/1.0. The price is that the connection ends. */
static struct MHD_Response *make_bodiless(HttpRequest *request) {
        struct MHD_Response *response =
                MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, read_answer, request, NULL);

        if (response && MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END) != MHD_YES) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

static struct MHD_Response *make_response(HttpRequest *request, int64_t length, void *body, ForwardBody kind) {
        struct MHD_Response *response;

        if (kind == FORWARD_BODILESS && length < 0)
                return make_bodiless(request);
        if (kind != FORWARD_WHOLE)
                return MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t) length,
                                                         length < 0 ? 1 : BLOCK_SIZE, read_answer, request, NULL);
        response = MHD_create_response_from_buffer(body ? (size_t) length : 0, body,
                                                   body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
        if (!response)
                free(body);
        return response;
}

int forward_answer(HttpRequest *request, unsigned status, const ForwardField *fields, size_t n_fields, int64_t length,
                   void *body, ForwardBody kind) {
        struct MHD_Response *response;

        if (!head_fits(request, fields, n_fields)) {
                free(body);
                return -E2BIG;
        }
        response = make_response(request, length, body, kind);
        if (!response)
                return -ENOMEM;
        for (size_t i = 0; i < n_fields; i++)
                if (MHD_add_response_header(response, fields[i].name, fields[i].value) != MHD_YES) {
                        MHD_destroy_response(response);
                        return -ENOMEM;
                }
        return request_queue_response(request, status, response);
}

/* MHD takes one with the head, or when it has read everything. */
bool forward_may_answer(const HttpRequest *request) {
        return request->called || !request->head_over;
}

void forward_wake(HttpRequest *request) {
        if (!request->suspended)
                return;
        request->suspended = false;
        MHD_resume_connection(request->mhd);
        server_run_mhd_soon(request->server);
}

void forward_abort(HttpRequest *request) {
        request->hangup = sd_event_source_disable_unref(request->hangup);
        request->aborted = true;
        if (request->suspended)
                forward_wake(request);
        else
                conn_abort(request->conn);
}

void forward_watch_client(HttpRequest *request) {
        int r;

        if (request->hangup)
                return;
        request_forget_gone(request); /* the event loop takes a descriptor once */
        r = sd_event_add_io(request->server->event, &request->hangup, request->conn->fd, EPOLLRDHUP, on_hangup,
                            request);
        if (r < 0)
                log_errno(r, "Cannot watch a client");
}

void forward_tunnel_ended(Server *server) {
        server_run_mhd_soon(server); /* looks whether this was the last one */
}

/* --- What modules ask for --- */

int http_forward(HttpRequest *request, const char *service, const char *target) {
        int r;

        if (!request->server->proxy)
                return -EOPNOTSUPP;
        if (request->status > 0 || request->exchange)
                return -EALREADY;
        if (request->gone)
                return request_reply_failed(request, -ECONNRESET);
        r = forward_begin(request, service, target);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        request_forget_gone(request);
        request_leave_set(request);
        if (!request->exchange)
                return 0;
        request->server->proxy_ops->body_end(request->exchange);
        if (request->status == 0 && !request->suspended)
                suspend(request);
        return 0;
}

json_object *http_proxy_routes(const HttpRequest *request) {
        return request->server->proxy ? request->server->proxy_ops->routes(request->server->proxy) : NULL;
}

json_object *http_proxy_status(const HttpRequest *request) {
        return request->server->proxy ? request->server->proxy_ops->status(request->server->proxy) : NULL;
}
