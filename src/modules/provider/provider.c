/* SPDX-License-Identifier: MIT */

/* One gateway to many models: speaks OpenAI's, Anthropic's and Ollama's wire formats towards clients, chooses a provider
 * for each call, holds the budgets of the ledger and books what every attempt cost. */

#include "api.h"
#include "call.h"
#include "host/module-abi.h"
#include "models.h"

#define BODY_MAX ((size_t) 32 * 1024 * 1024)

static int begin(HttpRequest *request, Gateway *g, WireFormat api) {
        Call *call;
        int r;

        r = call_new(g, request, api, &call);
        if (r <= 0)
                return r;
        call_begin(call);
        return HTTP_LATER;
}

static int post_openai(HttpRequest *request, void *state) {
        return begin(request, state, WIRE_OPENAI);
}

static int post_anthropic(HttpRequest *request, void *state) {
        return begin(request, state, WIRE_ANTHROPIC);
}

static int post_ollama(HttpRequest *request, void *state) {
        return begin(request, state, WIRE_OLLAMA);
}

static int init(Service *service, void **ret_state) {
        _cleanup_(gateway_freep) Gateway *g = NULL;
        int r;

        r = gateway_new(service, &g);
        if (r < 0)
                return r;
        *ret_state = TAKE_PTR(g);
        return 0;
}

static void fini(void *state) {
        gateway_free(state);
}

static int suspend(void *state, json_object **ret) {
        return catalog_suspend(((Gateway *) state)->catalog, ret);
}

static int resume(void *state, json_object *saved) {
        catalog_resume(((Gateway *) state)->catalog, saved);
        return 0;
}

#define PROVIDERS "/api/v1/providers/"
#define CALL .stream = &call_stream_type, .body_max = BODY_MAX

static const HttpRoute routes[] = {
        { .method = "POST", .path = "/v1/chat/completions", .handle = post_openai, CALL },
        { .method = "POST", .path = "/v1/messages", .handle = post_anthropic, CALL },
        { .method = "POST", .path = "/api/chat", .handle = post_ollama, CALL },
        { .method = "GET",  .path = "/v1/models", .handle = get_models },
        { .method = "GET",  .path = "/v1/models/:id", .handle = get_model },
        { .method = "GET",  .path = "/api/tags", .handle = get_ollama_tags },
        { .method = "POST", .path = PROVIDERS "select", .handle = post_select, .body_max = SELECT_BODY_MAX },
        { .method = "GET",  .path = PROVIDERS "selections", .handle = get_selections },
        { .method = "GET",  .path = PROVIDERS "health", .handle = get_providers_health },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("provider", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
        .suspend = suspend,
        .resume = resume,
};
