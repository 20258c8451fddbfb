/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "chat-index.h"

/* The chat transcripts: one file, one message a line (a JSON object), only ever appended to, and written anew without
 * what is no longer kept when half of it is that. During a reload two generations have it open; each looks at the file
 * before it does anything, so both see the same. Everything here is done by one thread of one process. */
typedef struct ChatStore ChatStore;

typedef struct ChatMessage {
        const char *session;
        const char *role;
        const char *content;
        size_t content_size;
        const char *user; /* NULL for none */
} ChatMessage;

extern const ChatLimits chat_limits_default;

/* Opens or makes directory/chat.jsonl. An incomplete line at its end, which nobody was told of as stored, is cut off
 * and logged; other lines that are none of ours are skipped, with one warning. Negative errno when the file cannot be
 * had. */
int chat_store_open(const char *directory, const ChatLimits *limits, ChatStore **ret);
ChatStore *chat_store_free(ChatStore *store);
TL_DEFINE_CLEANUP(ChatStore *, chat_store_free)

/* Takes in what another generation has done to the file. First of all in each request. After an error the store may
 * hold a part only; the next call reads everything anew. */
int chat_store_refresh(ChatStore *store);

#define CHAT_APPEND_MAX 2

/* Appends messages of one session, all or none, stamped with the time. They are safe from a kill after chat_store_sync()
 * alone. -EDQUOT when the session has no room for them; -ENOSPC, -EIO and the like leave the file as it was. *ret_session is
 * valid until the next call. */
int chat_store_append(ChatStore *store, const ChatMessage *messages, size_t n, const ChatSession **ret_session);
int chat_store_sync(ChatStore *store);

/* The last messages of a session, of all sessions with NULL, oldest first: a JSON array. The caller frees. */
int chat_store_transcripts(ChatStore *store, const char *session, size_t limit, char **ret);

const ChatIndex *chat_store_index(const ChatStore *store);
