/* SPDX-License-Identifier: MIT */

/* What browsers and scripts talk to: sends each path to the service whose Routes= has its longest prefix, and keeps the
 * chat transcripts. */

#include "host/module-abi.h"

/* --- The dashboard is metricsd's --- */

static int get_dashboard(HttpRequest *request, void *state) {
        int r = http_forward(request, "metricsd", "/");

        if (r == -ENOENT)
                return http_reply_error(request, 503, "SERVICE_MISSING",
                                        "the dashboard is metricsd's, which is not installed");
        return r;
}

static int get_favicon(HttpRequest *request, void *state) {
        return http_reply(request, 204, NULL, NULL, 0);
}

/* --- What the proxy knows --- */

/* {ok:true, NAME: value}; takes over value. */
static int reply_ok(HttpRequest *request, const char *name, json_object *value) {
        json_object *body = json_object_new_object();

        if (!value || !body || json_object_object_add(body, "ok", json_object_new_boolean(true)) < 0 ||
            json_object_object_add(body, name, value) < 0) {
                json_object_put(value);
                json_object_put(body);
                return -ENOMEM;
        }
        return http_reply_json(request, 200, body);
}

static int get_routes(HttpRequest *request, void *state) {
        return reply_ok(request, "routes", http_proxy_routes(request));
}

static int get_status(HttpRequest *request, void *state) {
        return reply_ok(request, "status", http_proxy_status(request));
}

static const HttpRoute routes[] = {
        { .method = "GET", .path = "/",                     .handle = get_dashboard },
        { .method = "GET", .path = "/control-room",         .handle = get_dashboard },
        { .method = "GET", .path = "/favicon.ico",          .handle = get_favicon },
        { .method = "GET", .path = "/api/v1/health",        .handle = http_reply_health },
        { .method = "GET", .path = "/api/v1/system/routes", .handle = get_routes },
        { .method = "GET", .path = "/system/status",        .handle = get_status },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("web", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .proxy = true,
};
