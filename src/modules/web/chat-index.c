/* SPDX-License-Identifier: MIT */
#include "chat-index.h"

#include <stdio.h>

#include "basic/string-util.h"

static void session_free(ChatSession *session) {
        free(session->id);
        free(session->user);
        free(session);
}
TL_DEFINE_CLEANUP(ChatSession *, session_free)

void chat_index_init(ChatIndex *index, const ChatLimits *limits) {
        *index = (ChatIndex) { .limits = *limits };
        TAILQ_INIT(&index->sessions);
}

void chat_index_clear(ChatIndex *index) {
        ChatLimits limits = index->limits;
        ChatSession *session;

        while ((session = TAILQ_FIRST(&index->sessions))) {
                TAILQ_REMOVE(&index->sessions, session, entries);
                session_free(session);
        }
        free(index->records);
        chat_index_init(index, &limits);
}

/* From the newest on: who writes a message has mostly written the one before. */
ChatSession *chat_index_find(const ChatIndex *index, const char *id) {
        ChatSession *session;

        TAILQ_FOREACH(session, &index->sessions, entries)
                if (streq(session->id, id))
                        return session;
        return NULL;
}

bool chat_index_has_room(const ChatIndex *index, const ChatSession *session, size_t n, size_t size) {
        const ChatLimits *limits = &index->limits;

        return (session ? session->messages : 0) + n <= limits->session_messages &&
                (session ? session->bytes : 0) + size <= limits->session_bytes;
}

static void drop(ChatIndex *index, ChatSession *session) {
        size_t n = 0;

        for (size_t i = 0; i < index->n_records; i++)
                if (index->records[i].session != session)
                        index->records[n++] = index->records[i];
        index->n_records = n;
        index->n_sessions--;
        index->bytes -= session->bytes;
        TAILQ_REMOVE(&index->sessions, session, entries);
        session_free(session);
}

static bool is_over(const ChatIndex *index) {
        const ChatLimits *limits = &index->limits;

        return index->n_sessions > limits->sessions || index->n_records > limits->messages ||
                index->bytes > limits->bytes;
}

static int reserve_record(ChatIndex *index) {
        size_t space = index->space > 0 ? index->space * 2 : 64;
        ChatRecord *grown;

        if (index->n_records < index->space)
                return 0;
        grown = reallocarray(index->records, space, sizeof(ChatRecord));
        if (!grown)
                return -ENOMEM;
        index->records = grown;
        index->space = space;
        return 0;
}

static int session_new(const char *id, const char *timestamp, ChatSession **ret) {
        _cleanup_(session_freep) ChatSession *session = calloc(1, sizeof(ChatSession));

        if (!session)
                return -ENOMEM;
        session->id = strdup(id);
        if (!session->id)
                return -ENOMEM;
        (void) snprintf(session->first, sizeof(session->first), "%s", timestamp);
        *ret = TAKE_PTR(session);
        return 0;
}

int chat_index_take(ChatIndex *index, off_t offset, size_t size, const char *id, const char *user,
                    const char *timestamp) {
        ChatSession *session = chat_index_find(index, id);
        _cleanup_(session_freep) ChatSession *made = NULL;
        _cleanup_(freep) char *named = NULL;
        int r;

        r = reserve_record(index);
        if (r >= 0 && !session)
                r = session_new(id, timestamp, &made);
        if (r < 0)
                return r;
        if (user && !(session && session->user)) {
                named = strdup(user);
                if (!named)
                        return -ENOMEM;
        }
        if (session)
                TAILQ_REMOVE(&index->sessions, session, entries);
        else {
                session = TAKE_PTR(made);
                index->n_sessions++;
        }
        TAILQ_INSERT_HEAD(&index->sessions, session, entries);
        if (named)
                session->user = TAKE_PTR(named);
        (void) snprintf(session->last, sizeof(session->last), "%s", timestamp);
        session->messages++;
        session->bytes += size;
        index->bytes += size;
        index->records[index->n_records++] = (ChatRecord) { .offset = offset, .size = size, .session = session };
        while (is_over(index) && index->n_sessions > 1)
                drop(index, TAILQ_LAST(&index->sessions, ChatSessions));
        return 0;
}
