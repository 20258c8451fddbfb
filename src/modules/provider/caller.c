/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "call.h"
#include "shared/log.h"

/* Who asks, and about what. Refusals are in the client's format. */

#define CACHE_SECONDS_MAX 86400
#define DEPTH_MAX 64 /* of the body */
#define BETA_MAX ((size_t) 1024)

TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

/* --- The key --- */

/* What OpenAI's and Ollama's clients send, or Anthropic's. */
static const char *find_key(HttpRequest *request) {
        const char *authorization = http_request_header(request, "Authorization");

        if (authorization && strncasecmp(authorization, "Bearer ", strlen("Bearer ")) == 0)
                return authorization + strlen("Bearer ");
        return http_request_header(request, "x-api-key");
}

static int refuse_key(WireFormat api, const char *why, Answer **ret_refusal) {
        int r = answer_error(api, 401, NULL, "invalid_api_key", ret_refusal, "%s", why);

        return r < 0 ? r : 0;
}

/* Clients that need no key send something all the same, for their libraries demand one: what is none of ours counts as
 * none. */
int caller_check_key(Gateway *g, HttpRequest *request, WireFormat api, LedgerKey *ret, Answer **ret_refusal) {
        const char *text = find_key(request);
        bool needed;
        int r;

        *ret = (LedgerKey) {};
        if (text && startswith(text, "tlk_")) {
                r = ledger_find_key(g->ledger, text, ret);
                if (r == -ENOENT || r == -EKEYREVOKED)
                        return refuse_key(api, r == -ENOENT ? "this gateway has no such key" : "this key has been revoked",
                                          ret_refusal);
                return r < 0 ? r : 1;
        }
        r = ledger_has_keys(g->ledger, &needed);
        if (r < 0)
                return r;
        if (!needed)
                return 1;
        return refuse_key(api, "this gateway needs a key of its own (tlk_...), as 'Authorization: Bearer' or 'x-api-key'; "
                               "'toolooctl key create' makes one", ret_refusal);
}

/* --- The head --- */

static bool text_ok(const char *text, size_t max) {
        size_t n = strlen(text);

        for (const char *p = text; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 127)
                        return false;
        return n > 0 && n <= max;
}

static bool name_ok(const char *name) {
        return text_ok(name, LEDGER_NAME_MAX);
}

/* A text of the request's head: 1, or 0 after a refusal. */
static int take_text(Call *c, const char *field, size_t max, const char *usual, char **ret, Answer **ret_refusal) {
        const char *value = http_request_header(c->request, field);
        int r;

        value = value ? value : usual;
        if (!value)
                return 1;
        if (!text_ok(value, max)) {
                r = answer_error(c->api, 400, NULL, NULL, ret_refusal,
                                 "%s: 1 to %zu bytes without control characters are expected", field, max);
                return r < 0 ? r : 0;
        }
        r = str_replace(ret, value);
        return r < 0 ? r : 1;
}

static int take_name(Call *c, const char *field, const char *usual, char **ret, Answer **ret_refusal) {
        return take_text(c, field, LEDGER_NAME_MAX, usual, ret, ret_refusal);
}

static int take_number(Call *c, const char *field, unsigned long max, unsigned long *ret, Answer **ret_refusal) {
        const char *value = http_request_header(c->request, field);
        int r;

        *ret = 0;
        if (!value || parse_uint(value, 1, max, ret) >= 0)
                return 1;
        r = answer_error(c->api, 400, NULL, NULL, ret_refusal, "%s: a whole number from 1 to %lu is expected", field, max);
        return r < 0 ? r : 0;
}

static int take_cache(Call *c, Answer **ret_refusal) {
        unsigned long seconds;
        int r;

        c->cache = "none";
        r = take_number(c, "X-Tooloo-Cache", CACHE_SECONDS_MAX, &seconds, ret_refusal);
        if (r <= 0 || seconds == 0 || c->beta) /* what that changes is no part of the body */
                return r;
        r = cache_key(c->api, c->key, c->user, c->body, c->cache_key);
        if (r == -ERANGE)
                return 1; /* two such bodies cannot be told apart for certain: each is asked */
        if (r < 0)
                return r;
        c->cache_for = seconds * USEC_PER_SEC;
        return 1;
}

/* What the request says goes before what the policy says. */
static int take_store(Call *c, Answer **ret_refusal) {
        _cleanup_(freep) char *policy = NULL;
        const char *field = http_request_header(c->request, "X-Tooloo-Store-Content"), *value = field;
        unsigned long days = 0;
        int r;

        if (!field) {
                r = ledger_setting(c->gateway->ledger, LEDGER_SETTING_STORE_CONTENT, &policy);
                if (r < 0)
                        return r;
                value = policy;
        }
        if (value && parse_uint(value, 0, CONTENT_DAYS_MAX, &days) < 0 && field) {
                r = answer_error(c->api, 400, NULL, NULL, ret_refusal, "X-Tooloo-Store-Content: a whole number of days from 0 to "
                                 "%d is expected", CONTENT_DAYS_MAX);
                return r < 0 ? r : 0;
        }
        c->store_for = days * 86400 * USEC_PER_SEC;
        return 1;
}

/* The user: whose the key is; else what the client says. */
int call_identify(Call *c, Answer **ret_refusal) {
        unsigned long parent;
        LedgerKey key;
        int r;

        r = caller_check_key(c->gateway, c->request, c->api, &key, ret_refusal);
        if (r <= 0)
                return r;
        c->key = key.id;
        if (key.user[0])
                r = (c->user = strdup(key.user)) ? 1 : -ENOMEM;
        else
                r = take_name(c, "X-Tooloo-User", c->ask.user && name_ok(c->ask.user) ? c->ask.user : NULL, &c->user,
                              ret_refusal);
        if (r > 0)
                r = take_name(c, "X-Tooloo-Session", NULL, &c->session, ret_refusal);
        if (r > 0)
                r = take_name(c, "X-Tooloo-Intent", NULL, &c->intent, ret_refusal);
        if (r > 0)
                r = take_name(c, "X-Tooloo-Source", "v1", &c->source, ret_refusal);
        if (r > 0 && c->api == WIRE_ANTHROPIC)
                r = take_text(c, "anthropic-beta", BETA_MAX, NULL, &c->beta, ret_refusal);
        if (r > 0)
                r = take_number(c, "X-Tooloo-Parent", INT32_MAX, &parent, ret_refusal);
        if (r <= 0)
                return r;
        c->parent = (int64_t) parent;
        r = take_store(c, ret_refusal);
        return r > 0 ? take_cache(c, ret_refusal) : r;
}

/* --- The body --- */

static int parse_body(HttpRequest *request, json_object **ret) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        size_t size;
        const char *text = http_request_body(request, &size);
        json_object *json;

        if (!tokener)
                return -ENOMEM;
        while (text && size > 0 && strchr(" \t\r\n", text[size - 1]))
                size--;
        if (!text || size == 0 || size > INT32_MAX)
                return -EBADMSG;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text, (int) size);
        if (json_tokener_get_error(tokener) != json_tokener_success || json_tokener_get_parse_end(tokener) < size ||
            !json_object_is_type(json, json_type_object)) {
                json_object_put(json);
                return -EBADMSG;
        }
        *ret = json;
        return 0;
}

static int take_body(Call *c, Answer **ret_refusal) {
        _cleanup_(freep) char *why = NULL;
        int r;

        r = parse_body(c->request, &c->body);
        if (r >= 0)
                r = wire_ask(c->api, c->body, &c->ask, &why);
        if (r == -EBADMSG) {
                r = answer_error(c->api, 400, NULL, NULL, ret_refusal, "%s", why ? why : "the body is no JSON object");
                return r < 0 ? r : 0;
        }
        if (r < 0)
                return r;
        if (c->ask.model && strlen(c->ask.model) > (size_t) 2 * LEDGER_NAME_MAX) {
                r = answer_error(c->api, 400, NULL, NULL, ret_refusal, "model: at most %d bytes are expected",
                                 2 * LEDGER_NAME_MAX);
                return r < 0 ? r : 0;
        }
        c->abilities = (c->ask.tools ? ABILITY_TOOLS : 0U) | (c->ask.vision ? ABILITY_VISION : 0U) |
                (c->ask.json ? ABILITY_JSON : 0U) | (c->ask.reasoning ? ABILITY_REASONING : 0U);
        return 1;
}

static int make(Gateway *g, HttpRequest *request, WireFormat api, Call **ret, Answer **ret_refusal) {
        _cleanup_(call_freep) Call *c = calloc(1, sizeof(Call));
        int r;

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->followers);
        c->gateway = g;
        c->request = request;
        c->api = api;
        c->arrived = now_realtime_usec();
        c->name = strdup(http_request_id(request));
        if (!c->name)
                return -ENOMEM;
        r = take_body(c, ret_refusal);
        if (r > 0)
                r = call_identify(c, ret_refusal);
        if (r <= 0)
                return r;
        r = http_request_on_gone(request, call_on_gone, c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 1;
}

int call_new(Gateway *g, HttpRequest *request, WireFormat api, Call **ret) {
        _cleanup_(answer_unrefp) Answer *refusal = NULL;
        int r;

        r = make(g, request, api, ret, &refusal);
        if (r < 0)
                log_errno(r, "A request cannot be taken");
        if (r < 0 && answer_error(api, 500, NULL, NULL, &refusal, "%s", strerror(-r)) < 0)
                return r;
        return refusal ? MIN(answer_send(refusal, request, NULL), 0) : r;
}
