/* SPDX-License-Identifier: MIT */

/* POST /api/v1/chat/message: asks the gateway to models (the service provider) with what the session holds, and keeps the
 * question and its answer. Of a question that got no answer nothing is kept, so that it can be asked again. */

#include <string.h>
#include <syslog.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "chat-internal.h"
#include "config.h"
#include "foundation/json-util.h"
#include "shared/log.h"

#define PROVIDER "provider"
#define HISTORY_MESSAGES 40 /* of the session, the newest; older ones are not sent */
#define ANSWER_MAX ((size_t) 4 * 1024 * 1024)
#define ANSWER_DEPTH 64
#define ANSWER_USEC (600 * USEC_PER_SEC) /* provider has limits of its own, which are shorter */
#define FIELDS 4

TL_DEFINE_CLEANUP(json_object *, json_object_put)

struct ChatQuestion {
        Chat *chat;
        HttpRequest *request;
        HttpCall *call;
        char *session, *user, *message;
        char *body;
        char *fields[FIELDS + 1];
        LIST_ENTRY(ChatQuestion) entries;
};

ChatQuestion *chat_question_free(ChatQuestion *q) {
        if (q->call)
                LIST_REMOVE(q, entries);
        http_call_free(q->call);
        for (size_t i = 0; i < FIELDS; i++)
                free(q->fields[i]);
        free(q->session);
        free(q->user);
        free(q->message);
        free(q->body);
        free(q);
        return NULL;
}
TL_DEFINE_CLEANUP(ChatQuestion *, chat_question_free)

/* --- What is asked --- */

typedef struct Asked {
        ChatMessage message;
        const char *provider, *model; /* NULL: any */
} Asked;

/* NULL, or what is wrong with the body. */
static const char *read_body(json_object *body, Asked *ret) {
        Asked a = { .message.role = "user" };
        ChatMessage *m = &a.message;
        const char *wrong = chat_get_whose(body, &m->session, &m->user);
        json_object *field;

        if (wrong)
                return wrong;
        m->content = chat_get_string(body, "message", &m->content_size);
        if (!m->content || m->content_size == 0 || m->content_size > CHAT_CONTENT_MAX || m->content_size != strlen(m->content))
                return "message: a string of 1 to 32768 bytes is expected";
        if (json_object_object_get_ex(body, "provider", &field) && field &&
            (!chat_get_id(body, "provider", &a.provider) || !service_id_valid(a.provider)))
                return "provider: the name of one is expected (toolooctl provider list), or null";
        if (json_object_object_get_ex(body, "model", &field) && field && !chat_get_id(body, "model", &a.model))
                return "model: 1 to 128 visible ASCII characters are expected, or null";
        *ret = a;
        return NULL;
}

static int add_message(json_object *messages, const char *role, const char *content, size_t size) {
        json_object *message = json_object_new_object();

        if (message && json_add(message, "role", json_object_new_string(role)) &&
            json_add(message, "content", json_object_new_string_len(content, (int) size)) &&
            json_object_array_add(messages, message) >= 0)
                return 0;
        json_object_put(message);
        return -ENOMEM;
}

/* What the session holds already, oldest first. */
static int add_history(json_object *messages, Chat *chat, const char *session) {
        _cleanup_(json_object_putp) json_object *history = NULL;
        _cleanup_(freep) char *list = NULL;
        int r;

        r = chat_store_transcripts(chat->store, session, HISTORY_MESSAGES, &list);
        if (r < 0)
                return r;
        history = json_tokener_parse(list);
        if (!history)
                return -ENOMEM; /* our own text */
        for (size_t i = 0; i < json_object_array_length(history) && r >= 0; i++) {
                json_object *line = json_object_array_get_idx(history, i);
                size_t role_size, size;
                const char *role = chat_get_string(line, "role", &role_size), *content = chat_get_string(line, "content", &size);

                /* What a tool said means nothing without its call, which is not kept. */
                if (role && content && !streq(role, "tool"))
                        r = add_message(messages, role, content, size);
        }
        return r;
}

static int make_body(ChatQuestion *q, const Asked *asked) {
        _cleanup_(json_object_putp) json_object *body = json_object_new_object(), *messages = json_object_new_array();
        _cleanup_(freep) char *model = NULL;
        const ChatMessage *m = &asked->message;
        int r;

        model = asked->provider ? str_printf("%s/%s", asked->provider, asked->model ? asked->model : "auto")
                                : strdup(asked->model ? asked->model : "auto");
        if (!body || !messages || !model)
                return -ENOMEM;
        r = add_history(messages, q->chat, m->session);
        if (r >= 0)
                r = add_message(messages, m->role, m->content, m->content_size);
        if (r < 0)
                return r;
        if (!json_add(body, "model", json_object_new_string(model)) || !json_add(body, "messages", TAKE_PTR(messages)))
                return -ENOMEM;
        q->body = strdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
        return q->body ? 0 : -ENOMEM;
}

/* How the call is to stand in the ledger. */
static int make_fields(ChatQuestion *q) {
        q->fields[0] = strdup("X-Tooloo-Source: chat");
        q->fields[1] = str_printf("X-Request-Id: %s", http_request_id(q->request));
        q->fields[2] = str_printf("X-Tooloo-Session: %s", q->session);
        if (!q->fields[0] || !q->fields[1] || !q->fields[2])
                return -ENOMEM;
        if (q->user) {
                q->fields[3] = str_printf("X-Tooloo-User: %s", q->user);
                if (!q->fields[3])
                        return -ENOMEM;
        }
        return 0;
}

/* --- What is answered --- */

static json_object *first_message(json_object *answer) {
        json_object *choices, *message;

        if (!json_object_object_get_ex(answer, "choices", &choices) || !json_object_is_type(choices, json_type_array) ||
            !json_object_object_get_ex(json_object_array_get_idx(choices, 0), "message", &message))
                return NULL;
        return message;
}

static json_object *parse(const HttpAnswer *answer) {
        json_tokener *tokener = json_tokener_new_ex(ANSWER_DEPTH);
        json_object *json;

        if (!tokener)
                return NULL;
        json = json_tokener_parse_ex(tokener, answer->body, (int) answer->size);
        json_tokener_free(tokener);
        return json;
}

static json_object *field_to_json(const HttpAnswer *answer, const char *name) {
        const char *value = http_answer_field(answer, name);

        return value ? json_object_new_string(value) : NULL;
}

static json_object *cost_to_json(const HttpAnswer *answer) {
        const char *cost = http_answer_field(answer, "X-Tooloo-Cost");

        return cost ? json_object_new_double_s(strtod(cost, NULL), cost) : NULL;
}

static json_object *answered_to_json(const ChatQuestion *q, const HttpAnswer *answer, json_object *parsed, const char *text,
                                     size_t size, bool stored) {
        json_object *json = json_object_new_object(), *usage = NULL;

        (void) json_object_object_get_ex(parsed, "usage", &usage);
        if (json && json_add(json, "ok", json_object_new_boolean(true)) &&
            json_add(json, "sessionId", json_object_new_string(q->session)) &&
            json_add(json, "response", json_object_new_string_len(text, (int) size)) &&
            json_add(json, "provider", field_to_json(answer, "X-Tooloo-Provider")) &&
            json_add(json, "model", field_to_json(answer, "X-Tooloo-Model")) && json_add(json, "cost", cost_to_json(answer)) &&
            json_add(json, "usage", json_object_get(usage)) && json_add(json, "stored", json_object_new_boolean(stored)) &&
            json_add(json, "requestId", json_object_new_string(http_request_id(q->request))))
                return json;
        json_object_put(json);
        return NULL;
}

static int keep(const ChatQuestion *q, const char *text, size_t size) {
        const ChatMessage messages[] = {
                { .session = q->session, .user = q->user, .role = "user", .content = q->message,
                  .content_size = strlen(q->message) },
                { .session = q->session, .user = q->user, .role = "assistant", .content = text, .content_size = size },
        };
        const ChatSession *session;
        int r;

        if (size == 0 || size > CHAT_CONTENT_MAX)
                return -EFBIG;
        r = chat_store_refresh(q->chat->store);
        if (r >= 0)
                r = chat_store_append(q->chat->store, messages, ELEMENTSOF(messages), &session);
        return r < 0 ? r : chat_store_sync(q->chat->store);
}

static int reply_failed(HttpRequest *request, const HttpAnswer *answer) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        json_object *error, *message;
        unsigned status = answer->status >= 400 && answer->status < 600 ? answer->status : 502;

        if (answer->status == 0)
                return http_reply_error(request, 503, "PROVIDER_UNREACHABLE",
                                        "the service provider did not answer: %s; see toolooctl why provider", answer->problem);
        body = parse(answer);
        if (json_object_object_get_ex(body, "error", &error) && json_object_object_get_ex(error, "message", &message))
                return http_reply_error(request, status, "PROVIDER_FAILED", "%s", json_object_get_string(message));
        return http_reply_error(request, status, "PROVIDER_FAILED", "the service provider answered %u", answer->status);
}

static int reply(const ChatQuestion *q, const HttpAnswer *answer) {
        _cleanup_(json_object_putp) json_object *parsed = NULL;
        json_object *json;
        const char *text;
        size_t size;
        int r;

        if (answer->status != 200)
                return reply_failed(q->request, answer);
        parsed = parse(answer);
        text = chat_get_string(first_message(parsed), "content", &size);
        if (!text)
                return http_reply_error(q->request, 502, "PROVIDER_FAILED", "the model answered without any text");
        r = keep(q, text, size);
        if (r < 0)
                log_warning("Cannot keep an answer of the chat session %s: %s", q->session, strerror(-r));
        json = answered_to_json(q, answer, parsed, text, size, r >= 0);
        return json ? http_reply_json(q->request, 200, json) : -ENOMEM;
}

static void on_answer(const HttpAnswer *answer, void *userdata) {
        _cleanup_(chat_question_freep) ChatQuestion *q = userdata;
        int r;

        r = reply(q, answer);
        if (r < 0)
                (void) http_reply_error(q->request, 500, "INTERNAL", "%s", strerror(-r)); /* or nobody is there */
}

/* What was asked of a model costs until it is told to stop. */
static void on_gone(HttpRequest *request, void *userdata) {
        ChatQuestion *q = userdata;

        (void) http_reply_error(request, 499, "CLIENT_GONE", "the client went away");
        chat_question_free(q);
}

/* --- The question --- */

static unsigned provider_port(const HttpRequest *request) {
        _cleanup_(json_object_putp) json_object *routes = http_proxy_routes(request);

        for (size_t i = 0; routes && i < json_object_array_length(routes); i++) {
                json_object *route = json_object_array_get_idx(routes, i), *service, *port;

                if (json_object_object_get_ex(route, "service", &service) && json_object_object_get_ex(route, "port", &port) &&
                    streq(json_object_get_string(service), PROVIDER))
                        return (unsigned) json_object_get_int(port);
        }
        return 0;
}

static int send_question(ChatQuestion *q, unsigned port) {
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u/v1/chat/completions", port);
        int r = 0;

        if (!url)
                return -ENOMEM;
        if (!q->chat->curl)
                r = curl_event_new(q->chat->event, &q->chat->curl);
        if (r >= 0)
                r = http_call_new(q->chat->curl, &(HttpCallRequest) {
                        .url = url, .body = q->body, .agent = "tooloo-web/" TL_VERSION,
                        .fields = (const char *const *) q->fields, .timeout = ANSWER_USEC, .answer_max = ANSWER_MAX,
                        .straight = true }, on_answer, q, &q->call);
        if (r < 0)
                return r;
        LIST_INSERT_HEAD(&q->chat->questions, q, entries);
        return 0;
}

static int ask(HttpRequest *request, Chat *chat, const Asked *asked) {
        _cleanup_(chat_question_freep) ChatQuestion *q = calloc(1, sizeof(ChatQuestion));
        const ChatMessage *m = &asked->message;
        unsigned port = provider_port(request);
        int r;

        if (port == 0)
                return http_reply_error(request, 503, "SERVICE_MISSING",
                                        "models are asked by the service provider, which is not installed");
        if (!q)
                return -ENOMEM;
        q->chat = chat;
        q->request = request;
        q->session = strdup(m->session);
        q->user = m->user ? strdup(m->user) : NULL;
        q->message = strdup(m->content);
        if (!q->session || (m->user && !q->user) || !q->message)
                return -ENOMEM;
        r = make_body(q, asked);
        if (r >= 0)
                r = make_fields(q);
        if (r >= 0)
                r = send_question(q, port);
        if (r >= 0)
                r = http_request_on_gone(request, on_gone, q);
        if (r < 0)
                return r;
        TAKE_PTR(q);
        return HTTP_LATER;
}

int chat_post_message(HttpRequest *request, Chat *chat) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        const ChatSession *session;
        const char *wrong;
        Asked asked;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        wrong = read_body(body, &asked);
        if (wrong)
                return http_reply_error(request, 400, "INVALID_FIELD", "%s", wrong);
        if (chat_use_store(request, chat) < 0)
                return 0;
        session = chat_index_find(chat_store_index(chat->store), asked.message.session);
        if (session && !chat_index_has_room(chat_store_index(chat->store), session, 2, asked.message.content_size))
                return chat_reply_full(request, asked.message.session);
        return ask(request, chat, &asked);
}
