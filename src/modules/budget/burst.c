/* SPDX-License-Identifier: MIT */
#include "burst.h"

#include <inttypes.h>
#include <json-c/json_tokener.h>

#include "answers/answer.h"
#include "basic/string-util.h"
#include "config.h"
#include "foundation/json-util.h"
#include "provider-port.h"
#include "shared/http-call.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define ANSWER_MAX ((size_t) 8 * 1024 * 1024)
/* Longer than all that provider itself waits for: then it says why. */
#define ANSWER_USEC (15 * 60 * USEC_PER_SEC)
#define FIELDS_MAX 4

struct BurstClient {
        CurlEvent *curl;
        ProviderPort *port;
};

typedef struct Burst {
        BurstClient *client;
        HttpRequest *request;
        PortQuestion question;
        HttpCall *call; /* NULL while the port is not known */
        bool gone;      /* nobody waits for it any more */
        char *body;
        char *fields[FIELDS_MAX + 1]; /* ends in NULL */
} Burst;

static void burst_free(Burst *b) {
        http_call_free(b->call);
        for (size_t i = 0; i < FIELDS_MAX; i++)
                free(b->fields[i]);
        free(b->body);
        free(b);
}
TL_DEFINE_CLEANUP(Burst *, burst_free)

/* --- The answer --- */

/* choices[0].message.content. NULL when there is none. */
static const char *text_of(json_object *json) {
        json_object *choices, *message, *content;

        if (!json_object_object_get_ex(json, "choices", &choices) || !json_object_is_type(choices, json_type_array) ||
            !json_object_object_get_ex(json_object_array_get_idx(choices, 0), "message", &message) ||
            !json_object_object_get_ex(message, "content", &content) || !json_object_is_type(content, json_type_string))
                return NULL;
        return json_object_get_string(content);
}

/* OpenAI's {error:{message}}, or a service's own {error}. */
static const char *message_of(json_object *json) {
        json_object *error, *message;

        if (!json_object_object_get_ex(json, "error", &error))
                return NULL;
        if (json_object_object_get_ex(error, "message", &message))
                error = message;
        return json_object_is_type(error, json_type_string) ? json_object_get_string(error) : NULL;
}

static void reply_text(Burst *b, const HttpAnswer *answer, json_object *json) {
        const char *cache = http_answer_field(answer, "X-Tooloo-Cache"), *cost = http_answer_field(answer, "X-Tooloo-Cost");
        const char *text = text_of(json);
        Answer a;

        if (!text) {
                (void) http_reply_error(b->request, 502, "NO_TEXT", "provider answered without a text");
                return;
        }
        a = answer_new();
        answer_bool(&a, "cached", cache && (streq(cache, "hit") || streq(cache, "joined")));
        answer_text(&a, "text", text);
        answer_text(&a, "cache", cache);
        answer_text(&a, "provider", http_answer_field(answer, "X-Tooloo-Provider"));
        answer_text(&a, "model", http_answer_field(answer, "X-Tooloo-Model"));
        answer_add(&a, "cost", cost ? json_object_new_double_s(strtod(cost, NULL), cost) : NULL);
        if (answer_send(b->request, &a) == -ENOMEM)
                (void) http_reply_error(b->request, 500, "INTERNAL_ERROR", "there was no memory for the answer");
        answer_done(&a);
}

/* Its own status, so that whoever asked knows whether to try again. */
static void reply_refusal(Burst *b, const HttpAnswer *answer, json_object *json) {
        const char *message = message_of(json), *retry_after = http_answer_field(answer, "Retry-After");

        if (retry_after)
                (void) http_reply_header(b->request, "Retry-After", retry_after);
        (void) http_reply_error(b->request, answer->status >= 400 ? answer->status : 502, "PROVIDER_REFUSED", "provider: %s",
                                message ? message : "its answer says nothing");
}

/* Its port is asked for again, for it may have another by now. */
static void reply_unreachable(Burst *b, const HttpAnswer *answer) {
        provider_port_forget(b->client->port);
        (void) http_reply_error(b->request, 503, "PROVIDER_UNREACHABLE",
                                "provider does not answer (%s): 'toolooctl status provider' says how it is",
                                        answer->problem);
}

static void on_answer(const HttpAnswer *answer, void *userdata) {
        _cleanup_(burst_freep) Burst *b = userdata;
        _cleanup_(json_object_putp) json_object *json = NULL;

        if (answer->status == 0) {
                reply_unreachable(b, answer);
                return;
        }
        json = json_tokener_parse(answer->body);
        if (answer->status == 200)
                reply_text(b, answer, json);
        else
                reply_refusal(b, answer, json);
}

/* --- The call --- */

static char *make_body(const BurstAsk *ask) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        json_object *message = json_object_new_object(), *messages = json_object_new_array();

        if (!json || !message || !messages || !json_add(message, "role", json_object_new_string("user")) ||
            !json_add(message, "content", json_object_new_string(ask->prompt)) ||
                    json_object_array_add(messages, message) < 0) {
                json_object_put(message);
                json_object_put(messages);
                return NULL;
        }
        if (!json_add(json, "messages", messages) ||
            (ask->model && !json_add(json, "model", json_object_new_string(ask->model))) ||
            (ask->user && !json_add(json, "user", json_object_new_string(ask->user))))
                return NULL;
        return strdup(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static bool make_fields(Burst *b, int64_t ttl) {
        b->fields[0] = str_printf("X-Tooloo-Cache: %" PRIi64, ttl);
        b->fields[1] = strdup("X-Tooloo-Source: burst");
        b->fields[2] = str_printf("X-Request-Id: %s", http_request_id(b->request));
        return b->fields[0] && b->fields[1] && b->fields[2];
}

/* A gateway key is its owner's to show: what the client sent is sent on. */
static int send_call(Burst *b, unsigned port) {
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u/v1/chat/completions", port);
        HttpCallRequest request = {
                .url = url,
                .body = b->body,
                .authorization = http_request_header(b->request, "Authorization"),
                .agent = "tooloo-budget/" TL_VERSION,
                .fields = (const char *const *) b->fields,
                .timeout = ANSWER_USEC,
                .answer_max = ANSWER_MAX,
                .straight = true,
        };

        return url ? http_call_new(b->client->curl, &request, on_answer, b, &b->call) : -ENOMEM;
}

/* What nobody will read is not paid for. */
static void on_gone(HttpRequest *request, void *userdata) {
        Burst *b = userdata;

        (void) http_reply_error(request, 503, "CLIENT_GONE", "the client is gone"); /* lets the request go */
        if (b->call)
                burst_free(b);
        else
                b->gone = true;
}

static void on_port(int error, unsigned port, void *userdata) {
        _cleanup_(burst_freep) Burst *b = userdata;
        int r;

        if (b->gone)
                return;
        r = error < 0 ? error : send_call(b, port);
        if (r >= 0)
                TAKE_PTR(b);
        else
                (void) http_reply_error(b->request, 503, "SERVICE_MISSING", "provider cannot be asked: %s",
                                        r == -ENOENT ? "it is not installed" : strerror(-r));
}

int burst_client_ask(BurstClient *client, HttpRequest *request, const BurstAsk *ask) {
        _cleanup_(burst_freep) Burst *b = calloc(1, sizeof(Burst));
        int r;

        if (!b)
                return -ENOMEM;
        b->client = client;
        b->request = request;
        b->body = make_body(ask);
        if (!b->body || !make_fields(b, ask->ttl))
                return -ENOMEM;
        b->question = (PortQuestion) { .answer = on_port, .userdata = b };
        r = http_request_on_gone(request, on_gone, b);
        if (r >= 0)
                r = provider_port_ask(client->port, &b->question);
        if (r >= 0)
                TAKE_PTR(b);
        return r;
}

BurstClient *burst_client_free(BurstClient *client) {
        if (!client)
                return NULL;
        provider_port_free(client->port);
        curl_event_free(client->curl);
        free(client);
        return NULL;
}

int burst_client_new(sd_event *event, BurstClient **ret) {
        _cleanup_(burst_client_freep) BurstClient *client = calloc(1, sizeof(BurstClient));
        int r;

        if (!client)
                return -ENOMEM;
        r = curl_event_new(event, &client->curl);
        if (r >= 0)
                r = provider_port_new(event, &client->port);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}
