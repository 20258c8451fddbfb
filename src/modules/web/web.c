/* SPDX-License-Identifier: MIT */

/* What browsers and scripts talk to: sends each path to the service whose Routes= has its longest prefix, and keeps the
 * chat transcripts. */

#include "chat.h"
#include "host/module-abi.h"

typedef struct State {
        Chat *chat;
} State;

static int post_append(HttpRequest *request, void *userdata) {
        return chat_post_append(request, ((State *) userdata)->chat);
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
        { .method = "POST", .path = "/api/v1/chat/append", .handle = post_append, .body_max = CHAT_BODY_MAX },
        { .method = "GET",  .path = "/api/v1/chat/transcripts", .handle = get_transcripts },
        { .method = "GET",  .path = "/api/v1/chat/sessions", .handle = get_sessions },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("web", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
};
