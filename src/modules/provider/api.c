/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <stdio.h>

#include "attempt.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "call.h"
#include "foundation/json-util.h"

#define SELECTIONS_USUAL 50
#define TOKENS_MAX INT64_C(1000000000)
#define FOUND_MAX 256

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* --- Selecting --- */

typedef struct Wish {
        const char *query, *model;
        int64_t tokens;
        bool prefer_free, high_quality;
} Wish;

/* NULL where it is not there; -EBADMSG after a 400. */
static int take_field(HttpRequest *request, json_object *body, const char *name, json_type type, const char *expected,
                      json_object **ret) {
        json_object *field = json_object_object_get(body, name);

        if (field && !json_object_is_type(field, type)) {
                (void) http_reply_error(request, 400, "BAD_REQUEST", "%s: %s is expected", name, expected);
                return -EBADMSG;
        }
        *ret = field;
        return 0;
}

static int read_wish(HttpRequest *request, json_object *body, Wish *ret) {
        json_object *query, *model, *tokens, *prefer_free, *high_quality;
        int r;

        r = take_field(request, body, "query", json_type_string, "a text", &query);
        if (r >= 0)
                r = take_field(request, body, "model", json_type_string, "a model's name", &model);
        if (r >= 0)
                r = take_field(request, body, "estimatedTokens", json_type_int, "a whole number", &tokens);
        if (r >= 0)
                r = take_field(request, body, "preferFree", json_type_boolean, "true or false", &prefer_free);
        if (r >= 0)
                r = take_field(request, body, "highQuality", json_type_boolean, "true or false", &high_quality);
        if (r < 0)
                return r;
        if (tokens && (json_object_get_int64(tokens) < 0 || json_object_get_int64(tokens) > TOKENS_MAX)) {
                (void) http_reply_error(request, 400, "BAD_REQUEST", "estimatedTokens: 0 to %ld is expected",
                                        (long) TOKENS_MAX);
                return -EBADMSG;
        }
        if (!query && !tokens) {
                (void) http_reply_error(request, 400, "BAD_REQUEST", "query: a text is expected, or estimatedTokens");
                return -EBADMSG;
        }
        *ret = (Wish) {
                .query = json_object_get_string(query), .model = json_object_get_string(model),
                .tokens = tokens ? json_object_get_int64(tokens) : ((int64_t) json_object_get_string_len(query) + 3) / 4,
                .prefer_free = json_object_get_boolean(prefer_free), .high_quality = json_object_get_boolean(high_quality),
        };
        return 0;
}

/* A prompt of so many tokens and an answer as long. */
static int64_t estimate(const Deployment *d, int64_t tokens) {
        LedgerTokens t = { .in = tokens, .out = tokens, .reported = true };
        LedgerPrice price = attempt_price(d);
        int64_t cost = 0;

        return d->model->price.known && ledger_cost(&price, &t, &cost) < 0 ? LEDGER_MONEY_MAX : cost;
}

/* What the ledger cannot say now is left to the call itself. */
static bool can_pay(Gateway *g, const Deployment *d, int64_t cost) {
        bool exhausted = false;

        return ledger_provider_exhausted(g->ledger, d->upstream->file.name, cost, now_realtime_usec(), &exhausted) < 0 ||
                !exhausted;
}

static size_t find(Gateway *g, const Wish *wish, Deployment **found, Candidate *candidates) {
        uint64_t now = now_usec();
        const char *why;
        size_t n = 0;
        Upstream *u;

        TAILQ_FOREACH(u, &g->catalog->upstreams, entries)
                for (size_t i = 0; u->file.enabled && i < u->file.n_models && n < FOUND_MAX; i++) {
                        Deployment *d = u->deployments + i;
                        int64_t cost = estimate(d, wish->tokens);

                        if ((wish->model && !deployment_is_named(d, wish->model)) || u->key_state == KEY_FAILED ||
                            health_wait(&d->health, now, &why) > 0 || slots_full(&u->slots) || !can_pay(g, d, cost))
                                continue;
                        found[n] = d;
                        candidates[n++] = deployment_candidate(d, cost, now);
                }
        return n;
}

static bool is_free(const Deployment *d, const Candidate *c, const char *provider) {
        return c->priced && c->cost == 0;
}

static bool is_of(const Deployment *d, const Candidate *c, const char *provider) {
        return streq(d->upstream->file.name, provider);
}

/* Those that are as somebody would like them, where there are any; else all. */
static size_t keep(Deployment **found, Candidate *candidates, size_t n,
                   bool (*liked)(const Deployment *d, const Candidate *c, const char *provider), const char *provider) {
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (liked(found[i], candidates + i, provider)) {
                        found[kept] = found[i];
                        candidates[kept++] = candidates[i];
                }
        return kept > 0 ? kept : n;
}

static int reply_nobody(HttpRequest *request, const Gateway *g, const Wish *wish) {
        if (TAILQ_EMPTY(&g->catalog->upstreams))
                return http_reply_error(request, 503, "NO_PROVIDER", "no provider of models is configured: add one with "
                                        "'toolooctl provider add NAME --kind openai|anthropic|ollama|gemini --model MODEL'");
        return http_reply_error(request, 503, "NO_PROVIDER", "no provider%s%.128s can be asked now; see "
                                "/api/v1/providers/health", wish->model ? " of the model " : "", strempty(wish->model));
}

int post_select(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = NULL, *answer = NULL;
        _cleanup_(wishes_done) Wishes wishes = {};
        Candidate candidates[FOUND_MAX];
        Deployment *found[FOUND_MAX];
        Gateway *g = state;
        Choice choice = {};
        size_t n, best;
        Wish wish;
        int r;

        if (http_request_json(request, &body) < 0 || read_wish(request, body, &wish) < 0)
                return 0;
        n = find(g, &wish, found, candidates);
        if (n == 0)
                return reply_nobody(request, g, &wish);
        r = wishes_read(g->ledger, &wishes);
        if (r < 0)
                return r;
        if (wishes.preferred)
                n = keep(found, candidates, n, is_of, wishes.preferred);
        if (wish.prefer_free)
                n = keep(found, candidates, n, is_free, NULL);
        /* Of quality nothing is known here: who wants it does not look at the price, that is all. */
        choice.price_weight = wish.prefer_free ? CHOOSE_PRICE_FREE : wish.high_quality ? 0 : wishes.price_weight;
        best = choose(candidates, n, choice.price_weight, &g->random);
        choice.figures = candidates[best];
        choice.n = (unsigned) n;
        (void) snprintf(choice.provider, sizeof(choice.provider), "%s", found[best]->upstream->file.name);
        (void) snprintf(choice.model, sizeof(choice.model), "%s", found[best]->model->name);
        answer = json_object_new_object();
        if (!answer || !json_add(answer, "ok", json_object_new_boolean(true)) ||
            !json_add(answer, "selection", choice_to_json(&choice)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(answer));
}

int get_selections(HttpRequest *request, void *state) {
        const Gateway *g = state;
        const char *text = http_request_query(request, "limit");
        unsigned long limit = SELECTIONS_USUAL;
        json_object *body;

        if (text && parse_uint(text, 1, CHOICES_MAX, &limit) < 0)
                return http_reply_error(request, 400, "INVALID_QUERY", "limit: 1 to %d is expected", CHOICES_MAX);
        body = json_object_new_object();
        if (!body || !json_add(body, "ok", json_object_new_boolean(true)) ||
            !json_add(body, "selections", choices_to_json(g->choices, limit))) {
                json_object_put(body);
                return -ENOMEM;
        }
        return http_reply_json(request, 200, body);
}

/* --- Health --- */

static const char *const key_states[] = {
        [KEY_NONE] = "none", [KEY_WANTED] = "coming", [KEY_HERE] = "here", [KEY_FAILED] = "missing",
};

static bool add_failure(json_object *json, const Health *h) {
        char at[ISO8601_MAX];

        if (h->error[0] == '\0')
                return true;
        return json_add(json, "lastError", json_object_new_string(h->error)) &&
                json_add(json, "lastErrorAt", json_object_new_string(format_iso8601(at, h->failed_at)));
}

static json_object *model_health(const Deployment *d) {
        const Health *h = &d->health;
        json_object *json = json_object_new_object();
        uint64_t now = now_usec(), wait;
        const char *why = NULL;
        double good, bad;

        health_outcomes(h, now, &good, &bad);
        wait = health_wait(h, now, &why);
        if (json && json_add(json, "model", json_object_new_string(d->model->name)) &&
            json_add(json, "available", json_object_new_boolean(wait == 0)) &&
            json_add(json, "circuit", json_object_new_string(breaker_state_to_string(breaker_state(&h->breaker, now)))) &&
            json_add(json, "waitMs", wait > 0 ? json_rounded((double) wait / USEC_PER_MSEC) : NULL) &&
            json_add(json, "reason", wait > 0 ? json_object_new_string(why) : NULL) &&
            json_add(json, "recentCalls", json_rounded(good + bad)) &&
            json_add(json, "successRate", good + bad >= 0.5 ? json_rounded(good / (good + bad)) : NULL) &&
            json_add(json, "avgLatency", h->latency > 0 ? json_rounded(h->latency / USEC_PER_MSEC) : NULL) &&
            json_add(json, "priced", json_object_new_boolean(d->model->price.known)) && add_failure(json, h))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *upstream_health(const Upstream *u) {
        json_object *json = json_object_new_object(), *models = json_object_new_array();

        for (size_t i = 0; models && i < u->file.n_models; i++) {
                json_object *model = model_health(u->deployments + i);

                if (!model || json_object_array_add(models, model) < 0) {
                        json_object_put(model);
                        json_object_put(models);
                        models = NULL;
                }
        }
        if (json && models && json_add(json, "name", json_object_new_string(u->file.name)) &&
            json_add(json, "kind", json_object_new_string(provider_kind_to_string(u->file.kind))) &&
            json_add(json, "enabled", json_object_new_boolean(u->file.enabled)) &&
            json_add(json, "key", json_object_new_string(key_states[u->key_state])) &&
            json_add(json, "keyProblem", u->key_problem ? json_object_new_string(u->key_problem) : NULL) &&
            json_add(json, "running", json_object_new_int64(u->slots.running)) &&
            json_add(json, "waiting", json_object_new_int64(u->slots.waiting)) &&
            json_add(json, "maxConcurrency", json_object_new_int64(u->slots.max)) &&
            json_add(json, "models", TAKE_PTR(models)))
                return json;
        json_object_put(models);
        json_object_put(json);
        return NULL;
}

int get_providers_health(HttpRequest *request, void *state) {
        const Gateway *g = state;
        json_object *body = json_object_new_object(), *all = json_object_new_array();
        const Upstream *u;
        const Call *c;
        int n_calls = 0;

        TAILQ_FOREACH(c, &g->calls, entries)
                n_calls++;
        TAILQ_FOREACH(u, &g->catalog->upstreams, entries) {
                json_object *json = all ? upstream_health(u) : NULL;

                if (!json || json_object_array_add(all, json) < 0) {
                        json_object_put(json);
                        json_object_put(all);
                        all = NULL;
                        break;
                }
        }
        if (!body || !all || !json_add(body, "ok", json_object_new_boolean(true)) ||
            !json_add(body, "calls", json_object_new_int(n_calls)) ||
            !json_add(body, "unreadable", json_object_new_int64(g->catalog->n_broken)) ||
            !json_add(body, "providers", TAKE_PTR(all))) {
                json_object_put(all);
                json_object_put(body);
                return -ENOMEM;
        }
        return http_reply_json(request, 200, body);
}
