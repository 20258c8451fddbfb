/* SPDX-License-Identifier: MIT */
#include "models.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "call.h"
#include "foundation/json-util.h"

/* One name that several providers have is one model. */
typedef struct Listed {
        const char *name;
        const Upstream *first;
        json_object *providers;
        bool priced; /* by all of them */
} Listed;

#define LISTED_MAX 1024

typedef struct List {
        Listed models[LISTED_MAX];
        size_t n;
} List;

TL_DEFINE_CLEANUP(json_object *, json_object_put)

static void list_done(List **list) {
        for (size_t i = 0; *list && i < (*list)->n; i++)
                json_object_put((*list)->models[i].providers);
        free(*list);
}

static Listed *find(List *list, const char *name) {
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->models[i].name, name))
                        return list->models + i;
        return NULL;
}

static int add_model(List *list, const Upstream *u, const ProviderModel *m) {
        Listed *listed = find(list, m->name);
        json_object *name;

        if (!listed) {
                if (list->n >= LISTED_MAX)
                        return 0;
                listed = list->models + list->n;
                *listed = (Listed) { .name = m->name, .first = u, .providers = json_object_new_array(), .priced = true };
                if (!listed->providers)
                        return -ENOMEM;
                list->n++;
        }
        listed->priced = listed->priced && m->price.known;
        name = json_object_new_string(u->file.name);
        if (!name || json_object_array_add(listed->providers, name) < 0) {
                json_object_put(name);
                return -ENOMEM;
        }
        return 0;
}

static int make_list(const Gateway *g, List **ret) {
        _cleanup_(list_done) List *list = calloc(1, sizeof(List));
        const Upstream *u;

        if (!list)
                return -ENOMEM;
        TAILQ_FOREACH(u, &g->catalog->upstreams, entries)
                for (size_t i = 0; u->file.enabled && i < u->file.n_models; i++)
                        if (add_model(list, u, u->file.models + i) < 0)
                                return -ENOMEM;
        *ret = TAKE_PTR(list);
        return 0;
}

/* --- One model --- */

static bool add_own(json_object *json, const Listed *m) {
        return json_add(json, "providers", json_object_get(m->providers)) &&
                json_add(json, "priced", json_object_new_boolean(m->priced));
}

/* created: when it was configured, for when its vendor made it nobody here knows. */
static json_object *openai_model(const Listed *m) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "id", json_object_new_string(m->name)) &&
            json_add(json, "object", json_object_new_string("model")) &&
            json_add(json, "created", json_object_new_int64((int64_t) (m->first->changed / USEC_PER_SEC))) &&
            json_add(json, "owned_by", json_object_new_string(m->first->file.name)) && add_own(json, m))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *anthropic_model(const Listed *m) {
        json_object *json = json_object_new_object();
        char at[ISO8601_MAX];

        if (json && json_add(json, "type", json_object_new_string("model")) &&
            json_add(json, "id", json_object_new_string(m->name)) &&
            json_add(json, "display_name", json_object_new_string(m->name)) &&
            json_add(json, "created_at", json_object_new_string(format_iso8601(at, m->first->changed))) && add_own(json, m))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *ollama_model(const Listed *m) {
        json_object *json = json_object_new_object();
        char at[ISO8601_MAX];

        if (json && json_add(json, "name", json_object_new_string(m->name)) &&
            json_add(json, "model", json_object_new_string(m->name)) &&
            json_add(json, "modified_at", json_object_new_string(format_iso8601(at, m->first->changed))) && add_own(json, m))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *all_of(const List *list, json_object *(*form)(const Listed *m)) {
        json_object *all = json_object_new_array();

        for (size_t i = 0; all && i < list->n; i++) {
                json_object *json = form(list->models + i);

                if (!json || json_object_array_add(all, json) < 0) {
                        json_object_put(json);
                        json_object_put(all);
                        return NULL;
                }
        }
        return all;
}

/* --- The answers --- */

static bool is_anthropic(HttpRequest *request) {
        return http_request_header(request, "anthropic-version") != NULL;
}

/* 1: it may. */
static int let_in(Gateway *g, HttpRequest *request, WireFormat api) {
        _cleanup_(answer_unrefp) Answer *refusal = NULL;
        LedgerKey key;
        int r;

        r = caller_check_key(g, request, api, &key, &refusal);
        return r == 0 && refusal ? MIN(answer_send(refusal, request, NULL), 0) : r;
}

static bool add_ends(json_object *body, const List *list) {
        json_object *first = list->n > 0 ? json_object_new_string(list->models[0].name) : NULL,
                    *last = list->n > 0 ? json_object_new_string(list->models[list->n - 1].name) : NULL;

        return json_add(body, "has_more", json_object_new_boolean(false)) && json_add(body, "first_id", first) &&
                json_add(body, "last_id", last);
}

int get_models(HttpRequest *request, void *state) {
        _cleanup_(list_done) List *list = NULL;
        _cleanup_(json_object_putp) json_object *body = NULL;
        bool anthropic = is_anthropic(request);
        json_object *all;
        int r;

        r = let_in(state, request, anthropic ? WIRE_ANTHROPIC : WIRE_OPENAI);
        if (r <= 0)
                return r;
        r = make_list(state, &list);
        if (r < 0)
                return r;
        body = json_object_new_object();
        all = all_of(list, anthropic ? anthropic_model : openai_model);
        if (!body || !all || !json_add(body, "data", all))
                return -ENOMEM;
        if (anthropic ? !add_ends(body, list) : !json_add(body, "object", json_object_new_string("list")))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

int get_model(HttpRequest *request, void *state) {
        _cleanup_(list_done) List *list = NULL;
        _cleanup_(answer_unrefp) Answer *refusal = NULL;
        const char *id = http_request_param(request, "id");
        WireFormat api = is_anthropic(request) ? WIRE_ANTHROPIC : WIRE_OPENAI;
        const Listed *m;
        int r;

        r = let_in(state, request, api);
        if (r <= 0)
                return r;
        r = make_list(state, &list);
        if (r < 0)
                return r;
        m = find(list, id);
        if (m)
                return http_reply_json(request, 200, api == WIRE_ANTHROPIC ? anthropic_model(m) : openai_model(m));
        r = answer_error(api, 404, NULL, "model_not_found", &refusal, "no provider has the model '%.128s'", id);
        return r < 0 ? r : answer_send(refusal, request, NULL);
}

int get_ollama_tags(HttpRequest *request, void *state) {
        _cleanup_(list_done) List *list = NULL;
        json_object *body, *all;
        int r;

        r = let_in(state, request, WIRE_OLLAMA);
        if (r <= 0)
                return r;
        r = make_list(state, &list);
        if (r < 0)
                return r;
        body = json_object_new_object();
        all = all_of(list, ollama_model);
        if (!body || !all || !json_add(body, "models", all)) {
                json_object_put(body);
                return -ENOMEM;
        }
        return http_reply_json(request, 200, body);
}
