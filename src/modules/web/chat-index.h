/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "basic/macro.h"
#include "basic/time-util.h"

/* Which message lies where in the file of the chat store, and which session it belongs to. What it keeps follows from
 * the order of the messages and from the limits alone, so whoever reads the same file comes to the same index: when one
 * of the totals is over, the session that has been quiet for the longest goes, whole. */

typedef struct ChatLimits {
        size_t sessions;
        size_t messages; /* of all sessions */
        size_t bytes;    /* of their lines in the file */
        size_t session_messages;
        size_t session_bytes;
} ChatLimits;

typedef struct ChatSession {
        char *id;
        char *user; /* of the first message that named one, NULL for none */
        size_t messages;
        size_t bytes;
        char first[ISO8601_MAX], last[ISO8601_MAX]; /* time of its first and of its last message */
        TAILQ_ENTRY(ChatSession) entries;
} ChatSession;

typedef struct ChatRecord {
        off_t offset;
        size_t size; /* of the line, the newline included */
        ChatSession *session;
} ChatRecord;

typedef struct ChatIndex {
        ChatLimits limits;
        ChatRecord *records; /* in the order of the file */
        size_t n_records, space;
        TAILQ_HEAD(ChatSessions, ChatSession) sessions; /* the one with the newest message first */
        size_t n_sessions;
        size_t bytes;
} ChatIndex;

void chat_index_init(ChatIndex *index, const ChatLimits *limits);
/* Leaves it empty, to be used again or dropped. */
void chat_index_clear(ChatIndex *index);

ChatSession *chat_index_find(const ChatIndex *index, const char *id);

/* False when the session (NULL for a new one) has no room for n more messages that come to that size. */
bool chat_index_has_room(const ChatIndex *index, const ChatSession *session, size_t n, size_t size);

/* Takes a message that lies in the file. timestamp as format_iso8601() writes it; user may be NULL. Only -ENOMEM, which
 * changes nothing. */
int chat_index_take(ChatIndex *index, off_t offset, size_t size, const char *id, const char *user,
                    const char *timestamp);
