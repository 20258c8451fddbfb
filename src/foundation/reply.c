/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/gate.h"
#include "foundation/json-util.h"

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
        request_forget_gone(request);
        r = request->gone ? -ECONNRESET : add_common_headers(request, response);
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
        struct ReplyHeader *header;

        if (request->n_headers >= ELEMENTSOF(request->headers))
                return -E2BIG;
        header = &request->headers[request->n_headers];
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
