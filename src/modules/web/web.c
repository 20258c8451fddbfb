/* SPDX-License-Identifier: MIT */

/* What browsers and scripts talk to: sends each path to the service whose Routes= has its longest prefix, and keeps the
 * chat transcripts. */

#include "chat.h"
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

/* --- Chat --- */

typedef struct State {
        Chat *chat;
} State;

static int post_append(HttpRequest *request, void *userdata) {
        return chat_post_append(request, ((State *) userdata)->chat);
}

static int post_message(HttpRequest *request, void *userdata) {
        return chat_post_message(request, ((State *) userdata)->chat);
}

static int get_transcripts(HttpRequest *request, void *userdata) {
        return chat_get_transcripts(request, ((State *) userdata)->chat);
}

static int get_sessions(HttpRequest *request, void *userdata) {
        return chat_get_sessions(request, ((State *) userdata)->chat);
}

static void fini(void *userdata) {
        State *state = userdata;

        chat_free(state->chat);
        free(state);
}

static int init(Service *service, void **ret_state) {
        _cleanup_(freep) State *state = calloc(1, sizeof(State));
        int r;

        if (!state)
                return -ENOMEM;
        r = chat_new(service_event(service), &state->chat);
        if (r < 0)
                return r;
        *ret_state = TAKE_PTR(state);
        return 0;
}

static const HttpRoute routes[] = {
        { .method = "GET",  .path = "/",                         .handle = get_dashboard },
        { .method = "GET",  .path = "/control-room",             .handle = get_dashboard },
        { .method = "GET",  .path = "/favicon.ico",              .handle = get_favicon },
        { .method = "GET",  .path = "/api/v1/health",            .handle = http_reply_health },
        { .method = "GET",  .path = "/api/v1/system/routes",     .handle = get_routes },
        { .method = "GET",  .path = "/system/status",            .handle = get_status },
        { .method = "POST", .path = "/api/v1/chat/append",      .handle = post_append, .body_max = CHAT_BODY_MAX },
        { .method = "POST", .path = "/api/v1/chat/message",     .handle = post_message, .body_max = CHAT_BODY_MAX },
        { .method = "GET",  .path = "/api/v1/chat/transcripts", .handle = get_transcripts },
        { .method = "GET",  .path = "/api/v1/chat/sessions",    .handle = get_sessions },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("web", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .proxy = true,
        .init = init,
        .fini = fini,
};
