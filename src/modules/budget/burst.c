/* SPDX-License-Identifier: MIT */
#include "burst.h"

#include <inttypes.h>
#include <json-c/json_tokener.h>
#include <strings.h>

#include "answers/answer.h"
#include "basic/string-util.h"
#include "foundation/json-util.h"
#include "provider-port.h"
#include "shared/curl-event.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define ANSWER_MAX ((size_t) 8 * 1024 * 1024)
#define CONNECT_MSEC 5000L
/* Longer than all that provider itself waits for: then it says why. */
#define ANSWER_MSEC (15 * 60 * 1000L)

struct BurstClient {
        CurlEvent *curl;
        ProviderPort *port;
};

typedef struct Burst {
        BurstClient *client;
        HttpRequest *request;
        PortQuestion question;
        CURL *easy;
        struct curl_slist *fields;
        char *body, *answer;
        size_t size;
        char error[CURL_ERROR_SIZE];
        char cache[16], provider[129], model[129], cost[32], retry_after[16];
} Burst;

static void burst_free(Burst *b) {
        curl_easy_cleanup(b->easy);
        curl_slist_free_all(b->fields);
        free(b->body);
        free(b->answer);
        free(b);
}
TL_DEFINE_CLEANUP(Burst *, burst_free)

/* --- The answer --- */

static json_object *parse_answer(const Burst *b) {
        json_object *json = b->answer ? json_tokener_parse(b->answer) : NULL;

        if (json && !json_object_is_type(json, json_type_object)) {
                json_object_put(json);
                json = NULL;
        }
        return json;
}

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

static void reply_text(Burst *b, json_object *json) {
        const char *text = text_of(json);
        Answer a;

        if (!text) {
                (void) http_reply_error(b->request, 502, "NO_TEXT", "provider answered without a text");
                return;
        }
        a = answer_new();
        answer_bool(&a, "cached", streq(b->cache, "hit") || streq(b->cache, "joined"));
        answer_text(&a, "text", text);
        answer_text(&a, "cache", *b->cache ? b->cache : NULL);
        answer_text(&a, "provider", *b->provider ? b->provider : NULL);
        answer_text(&a, "model", *b->model ? b->model : NULL);
        answer_add(&a, "cost", *b->cost ? json_object_new_double_s(strtod(b->cost, NULL), b->cost) : NULL);
        if (answer_send(b->request, &a) < 0)
                (void) http_reply_error(b->request, 500, "INTERNAL_ERROR", "there was no memory for the answer");
        answer_done(&a);
}

/* Its own status, so that whoever asked knows whether to try again. */
static void reply_refusal(Burst *b, unsigned status, json_object *json) {
        const char *message = message_of(json);

        if (*b->retry_after)
                (void) http_reply_header(b->request, "Retry-After", b->retry_after);
        (void) http_reply_error(b->request, status >= 400 ? status : 502, "PROVIDER_REFUSED", "provider: %s",
                                message ? message : "its answer says nothing");
}

static void reply_unreachable(Burst *b, CURLcode result) {
        if (result == CURLE_COULDNT_CONNECT) {
                provider_port_forget(b->client->port);
                (void) http_reply_error(b->request, 503, "SERVICE_STOPPED",
                                        "provider does not listen: 'toolooctl start provider' starts it");
        } else
                (void) http_reply_error(b->request, 502, "BAD_GATEWAY", "provider: %s",
                                        *b->error ? b->error : curl_easy_strerror(result));
}

static void on_done(CURL *easy, CURLcode result, void *userdata) {
        _cleanup_(burst_freep) Burst *b = userdata;
        _cleanup_(json_object_putp) json_object *json = NULL;
        long status = 0;

        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        json = parse_answer(b);
        if (result != CURLE_OK)
                reply_unreachable(b, result);
        else if (status == 200)
                reply_text(b, json);
        else
                reply_refusal(b, (unsigned) status, json);
}

/* --- The call --- */

static size_t take_body(char *data, size_t one, size_t size, void *userdata) {
        Burst *b = userdata;
        char *grown;

        if (size > ANSWER_MAX - b->size || !(grown = realloc(b->answer, b->size + size + 1)))
                return 0;
        b->answer = grown;
        memcpy(b->answer + b->size, data, size);
        b->size += size;
        b->answer[b->size] = '\0';
        return size;
}

static size_t take_field(char *data, size_t one, size_t size, void *userdata) {
        Burst *b = userdata;
        const struct {
                const char *name;
                char *value;
                size_t max;
        } fields[] = {
                { "X-Tooloo-Cache:", b->cache, sizeof(b->cache) },
                { "X-Tooloo-Provider:", b->provider, sizeof(b->provider) },
                { "X-Tooloo-Model:", b->model, sizeof(b->model) },
                { "X-Tooloo-Cost:", b->cost, sizeof(b->cost) },
                { "Retry-After:", b->retry_after, sizeof(b->retry_after) },
        };

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                size_t n = strlen(fields[i].name), end = size;

                if (size < n || strncasecmp(data, fields[i].name, n) != 0)
                        continue;
                while (n < end && data[n] == ' ')
                        n++;
                while (end > n && (data[end - 1] == '\n' || data[end - 1] == '\r' || data[end - 1] == ' '))
                        end--;
                (void) snprintf(fields[i].value, fields[i].max, "%.*s", (int) (end - n), data + n);
        }
        return size;
}

static char *make_body(const BurstAsk *ask) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        json_object *message = json_object_new_object(), *messages = json_object_new_array();

        if (!json || !message || !messages || !json_add(message, "role", json_object_new_string("user")) ||
            !json_add(message, "content", json_object_new_string(ask->prompt)) || json_object_array_add(messages, message) < 0) {
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

static bool add_field(Burst *b, const char *name, const char *value) {
        _cleanup_(freep) char *line = str_printf("%s: %s", name, value);
        struct curl_slist *grown = line ? curl_slist_append(b->fields, line) : NULL;

        if (grown)
                b->fields = grown;
        return grown;
}

/* A gateway key is its owner's to show: what the client sent is sent on. */
static bool make_fields(Burst *b, int64_t ttl) {
        const char *key = http_request_header(b->request, "Authorization");
        char seconds[32];

        (void) snprintf(seconds, sizeof(seconds), "%" PRIi64, ttl);
        return add_field(b, "Content-Type", "application/json") && add_field(b, "X-Tooloo-Cache", seconds) &&
                add_field(b, "X-Tooloo-Source", "burst") && add_field(b, "X-Request-Id", http_request_id(b->request)) &&
                (!key || add_field(b, "Authorization", key));
}

/* Straight to the loopback, whatever the environment says of proxies. */
static bool set_options(Burst *b, const char *url) {
        CURL *c = b->easy;

        return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MSEC) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ANSWER_MSEC) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HTTPHEADER, b->fields) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_POSTFIELDS, b->body) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_ERRORBUFFER, b->error) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_WRITEDATA, b) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_field) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HEADERDATA, b) == CURLE_OK;
}

static void on_port(int error, unsigned port, void *userdata) {
        _cleanup_(burst_freep) Burst *b = userdata;
        _cleanup_(freep) char *url = NULL;
        int r = error;

        if (r >= 0) {
                url = str_printf("http://127.0.0.1:%u/v1/chat/completions", port);
                r = url && set_options(b, url) ? curl_event_add(b->client->curl, b->easy, on_done, b) : -ENOMEM;
        }
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
        b->easy = curl_easy_init();
        b->body = make_body(ask);
        if (!b->easy || !b->body || !make_fields(b, ask->ttl))
                return -ENOMEM;
        b->question = (PortQuestion) { .answer = on_port, .userdata = b };
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
