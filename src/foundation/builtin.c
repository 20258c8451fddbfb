/* SPDX-License-Identifier: MIT */
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "foundation/server-internal.h"

#define TOP_ENDPOINTS 20

static json_object *string_or_null(const char *s) {
        return s ? json_object_new_string(s) : NULL;
}

static json_object *health_to_json(HttpRequest *request, const Server *server) {
        uint64_t uptime = (now_usec() - server->started) / USEC_PER_MSEC;
        json_object *json = json_object_new_object();

        if (json && json_add(json, "ok", json_object_new_boolean(server->ready)) &&
            json_add(json, "server", string_or_null(server->id)) &&
            json_add(json, "service", string_or_null(server->name)) &&
            json_add(json, "version", string_or_null(server->version)) &&
            json_add(json, "generation", json_object_new_uint64(http_request_generation(request))) &&
            json_add(json, "uptime", json_object_new_uint64(uptime)) &&
            json_add(json, "ready", json_object_new_boolean(server->ready)) &&
            (server->ready || json_add(json, "reason", string_or_null(server->reason))) &&
            json_add(json, "metrics", stats_to_json(server->stats)))
                return json;
        json_object_put(json);
        return NULL;
}

int http_reply_health(HttpRequest *request, void *state) {
        const Server *server = request->server;

        return http_reply_json(request, server->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                               health_to_json(request, server));
}

static int get_status(HttpRequest *request, void *state) {
        const Server *server = state;
        json_object *json = health_to_json(request, server);

        if (!json || !json_add(json, "topEndpoints", stats_top_endpoints(server->stats, TOP_ENDPOINTS)) ||
            !json_add(json, "dependencies", json_object_new_object())) {
                json_object_put(json);
                return -ENOMEM;
        }
        return http_reply_json(request, server->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, json);
}

static const HttpRoute builtin_routes[] = {
        { .method = "GET", .path = "/health",        .handle = http_reply_health },
        { .method = "GET", .path = "/api/v1/status", .handle = get_status },
};

const HttpRoute *server_builtin_routes(size_t *ret_n) {
        *ret_n = ELEMENTSOF(builtin_routes);
        return builtin_routes;
}
