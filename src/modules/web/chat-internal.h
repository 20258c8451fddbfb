/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "chat-store.h"
#include "chat.h"
#include "shared/http-call.h"

/* What the handlers of the chat have in common. */

#define CHAT_ID_MAX 128
#define CHAT_CONTENT_MAX ((size_t) 32 * 1024)

typedef struct Waiting Waiting;

struct Chat {
        sd_event *event;
        ChatStore *store; /* NULL until the first request */
        sd_event_source *sync;
        STAILQ_HEAD(WaitingList, Waiting) waiting;
        CurlEvent *curl; /* NULL until the first question */
        LIST_HEAD(QuestionList, ChatQuestion) questions;
};

/* What each handler begins with. After a failure the request has its answer. */
int chat_use_store(HttpRequest *request, Chat *chat);
int chat_storage_failed(HttpRequest *request, int r);

/* 409 for a session that has no room. */
int chat_reply_full(HttpRequest *request, const char *session);

/* --- Fields of a body --- */

/* 1 to CHAT_ID_MAX visible ASCII characters. */
bool chat_id_valid(const char *s);
/* NULL for a field that is missing, null, or no string. A NUL inside shows as a length that strlen() has not. */
const char *chat_get_string(json_object *body, const char *name, size_t *ret_size);
/* An id; false when there is none, or no valid one. */
bool chat_get_id(json_object *body, const char *name, const char **ret);
/* NULL, or what is wrong with them. *ret_user: NULL for none. */
const char *chat_get_whose(json_object *body, const char **ret_session, const char **ret_user);

/* --- Questions under way, chat-message.c --- */
typedef struct ChatQuestion ChatQuestion;
ChatQuestion *chat_question_free(ChatQuestion *q);
