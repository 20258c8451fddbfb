/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "chat-internal.h"
#include "foundation/json-util.h"
#include "shared/log.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 1000

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* A message that is written, but not yet known to be on the disk. */
struct Waiting {
        HttpRequest *request;
        json_object *answer;
        STAILQ_ENTRY(Waiting) entries;
};

static void waiting_free(Waiting *waiting) {
        json_object_put(waiting->answer);
        free(waiting);
}
TL_DEFINE_CLEANUP(Waiting *, waiting_free)

int chat_storage_failed(HttpRequest *request, int r) {
        return http_reply_error(request, 503, "STORAGE_FAILED",
                                "the chat's file in the state directory cannot be used: %s", strerror(-r));
}

/* Messages that came in one turn of the loop share one wait for the disk. */
static int on_sync(sd_event_source *source, void *userdata) {
        Chat *chat = userdata;
        Waiting *waiting;
        int r;

        r = chat_store_sync(chat->store);
        if (r < 0)
                log_errno(r, "Cannot bring chat messages to the disk");
        while ((waiting = STAILQ_FIRST(&chat->waiting))) {
                STAILQ_REMOVE_HEAD(&chat->waiting, entries);
                if (r < 0)
                        (void) chat_storage_failed(waiting->request, r);
                else
                        (void) http_reply_json(waiting->request, 200, TAKE_PTR(waiting->answer)); /* or nobody is there */
                waiting_free(waiting);
        }
        return 0;
}

int chat_new(sd_event *event, Chat **ret) {
        _cleanup_(chat_freep) Chat *chat = calloc(1, sizeof(Chat));
        int r;

        if (!chat)
                return -ENOMEM;
        chat->event = event;
        STAILQ_INIT(&chat->waiting);
        LIST_INIT(&chat->questions);
        r = sd_event_add_defer(event, &chat->sync, on_sync, chat);
        if (r >= 0)
                r = sd_event_source_set_enabled(chat->sync, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(chat);
        return 0;
}

Chat *chat_free(Chat *chat) {
        ChatQuestion *question;
        Waiting *waiting;

        if (!chat)
                return NULL;
        while ((question = LIST_FIRST(&chat->questions)))
                chat_question_free(question);
        curl_event_free(chat->curl);
        while ((waiting = STAILQ_FIRST(&chat->waiting))) {
                STAILQ_REMOVE_HEAD(&chat->waiting, entries);
                waiting_free(waiting);
        }
        sd_event_source_disable_unref(chat->sync);
        chat_store_free(chat->store);
        free(chat);
        return NULL;
}

static int open_store(Chat *chat) {
        const char *list = getenv("STATE_DIRECTORY");
        _cleanup_(freep) char *directory = NULL;

        if (!list || !*list)
                return -ENOENT;
        directory = strndup(list, strcspn(list, ":"));
        if (!directory)
                return -ENOMEM;
        return chat_store_open(directory, &chat_limits_default, &chat->store);
}

int chat_use_store(HttpRequest *request, Chat *chat) {
        int r = chat->store ? chat_store_refresh(chat->store) : open_store(chat);

        if (r < 0) {
                log_errno(r, "Cannot use the chat's file in the state directory");
                (void) chat_storage_failed(request, r);
        }
        return r;
}

/* --- POST /api/v1/chat/append --- */

static bool role_valid(const char *s) {
        static const char *const roles[] = { "user", "assistant", "system", "tool" };

        for (size_t i = 0; i < ELEMENTSOF(roles); i++)
                if (streq(roles[i], s))
                        return true;
        return false;
}

/* NULL, or what is wrong with the body. */
static const char *read_message(json_object *body, ChatMessage *ret) {
        ChatMessage m = {};
        const char *wrong;
        size_t size;

        wrong = chat_get_whose(body, &m.session, &m.user);
        if (wrong)
                return wrong;
        m.role = chat_get_string(body, "role", &size);
        if (!m.role || size != strlen(m.role) || !role_valid(m.role))
                return "role: one of user, assistant, system and tool is expected";
        m.content = chat_get_string(body, "content", &m.content_size);
        if (!m.content || m.content_size == 0 || m.content_size > CHAT_CONTENT_MAX)
                return "content: a string of 1 to 32768 bytes is expected";
        *ret = m;
        return NULL;
}

static json_object *appended_to_json(const ChatSession *session) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "ok", json_object_new_boolean(true)) &&
            json_add(json, "sessionId", json_object_new_string(session->id)) &&
            json_add(json, "timestamp", json_object_new_string(session->last)) &&
            json_add(json, "messages", json_object_new_uint64(session->messages)))
                return json;
        json_object_put(json);
        return NULL;
}

int chat_reply_full(HttpRequest *request, const char *session) {
        return http_reply_error(request, 409, "SESSION_FULL",
                                "session %s holds all that a session may (%zu messages, %zu bytes): begin another", session,
                                chat_limits_default.session_messages, chat_limits_default.session_bytes);
}

/* Once it is on the disk; takes over answer, also on failure. */
static int reply_stored(HttpRequest *request, Chat *chat, json_object *answer) {
        _cleanup_(waiting_freep) Waiting *waiting = calloc(1, sizeof(Waiting));
        int r;

        if (!waiting || !answer) {
                json_object_put(answer);
                return -ENOMEM;
        }
        waiting->request = request;
        waiting->answer = answer;
        r = sd_event_source_set_enabled(chat->sync, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;
        STAILQ_INSERT_TAIL(&chat->waiting, waiting, entries);
        TAKE_PTR(waiting);
        return HTTP_LATER;
}

static int append(HttpRequest *request, Chat *chat, const ChatMessage *message) {
        const ChatSession *session;
        int r;

        r = chat_store_append(chat->store, message, 1, &session);
        if (r == -EDQUOT)
                return chat_reply_full(request, message->session);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                log_errno(r, "Cannot store a chat message");
                return chat_storage_failed(request, r);
        }
        return reply_stored(request, chat, appended_to_json(session));
}

int chat_post_append(HttpRequest *request, Chat *chat) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        ChatMessage message;
        const char *wrong;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        wrong = read_message(body, &message);
        if (wrong)
                return http_reply_error(request, 400, "INVALID_FIELD", "%s", wrong);
        return chat_use_store(request, chat) < 0 ? 0 : append(request, chat, &message);
}

/* --- GET /api/v1/chat/transcripts, GET /api/v1/chat/sessions --- */

/* On failure the request has its answer. */
static int get_limit(HttpRequest *request, size_t *ret) {
        const char *text = http_request_query(request, "limit");
        unsigned long limit = LIMIT_DEFAULT;
        int r = text ? parse_uint(text, 1, LIMIT_MAX, &limit) : 0;

        if (r < 0)
                (void) http_reply_error(request, 400, "INVALID_QUERY", "limit: a number in 1..%d is expected", LIMIT_MAX);
        else
                *ret = limit;
        return r;
}

int chat_get_transcripts(HttpRequest *request, Chat *chat) {
        const char *session = http_request_query(request, "sessionId");
        _cleanup_(freep) char *list = NULL, *text = NULL;
        size_t limit;
        int r;

        if (session && !chat_id_valid(session))
                return http_reply_error(request, 400, "INVALID_QUERY",
                                        "sessionId: 1 to %d visible ASCII characters are expected", CHAT_ID_MAX);
        if (get_limit(request, &limit) < 0 || chat_use_store(request, chat) < 0)
                return 0;
        r = chat_store_transcripts(chat->store, session, limit, &list);
        if (r < 0)
                return r == -ENOMEM ? r : chat_storage_failed(request, r);
        text = str_printf("{\"ok\":true,\"transcripts\":%s}", list);
        return text ? http_reply(request, 200, "application/json", text, strlen(text)) : -ENOMEM;
}

static json_object *session_to_json(const ChatSession *session) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "sessionId", json_object_new_string(session->id)) &&
            json_add(json, "userId", session->user ? json_object_new_string(session->user) : NULL) &&
            json_add(json, "messages", json_object_new_uint64(session->messages)) &&
            json_add(json, "startedAt", json_object_new_string(session->first)) &&
            json_add(json, "lastMessageAt", json_object_new_string(session->last)))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *sessions_to_json(const ChatIndex *index, size_t limit) {
        _cleanup_(json_object_putp) json_object *list = json_object_new_array();
        const ChatSession *session;

        if (!list)
                return NULL;
        TAILQ_FOREACH(session, &index->sessions, entries) {
                json_object *json;

                if (limit-- == 0)
                        break;
                json = session_to_json(session);
                if (!json || json_object_array_add(list, json) < 0) {
                        json_object_put(json);
                        return NULL;
                }
        }
        return TAKE_PTR(list);
}

int chat_get_sessions(HttpRequest *request, Chat *chat) {
        _cleanup_(json_object_putp) json_object *json = NULL, *sessions = NULL;
        size_t limit;

        if (get_limit(request, &limit) < 0 || chat_use_store(request, chat) < 0)
                return 0;
        json = json_object_new_object();
        sessions = sessions_to_json(chat_store_index(chat->store), limit);
        if (!json || !sessions || !json_add(json, "ok", json_object_new_boolean(true)) ||
            !json_add(json, "sessions", TAKE_PTR(sessions)) ||
            !json_add(json, "total", json_object_new_uint64(chat_store_index(chat->store)->n_sessions)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(json));
}
