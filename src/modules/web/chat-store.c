/* SPDX-License-Identifier: MIT */
#include "chat-store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json_tokener.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "foundation/json-util.h"
#include "shared/log.h"

#define FILE_NAME "chat.jsonl"
/* More than the store itself ever lets it grow to: whoever put more into it is to be told, not read. */
#define FILE_MAX_FACTOR 8

TL_DEFINE_CLEANUP(json_object *, json_object_put)
TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

struct ChatStore {
        char *path;
        int fd;     /* -EBADF after an error: everything is read anew */
        off_t size; /* of the file, as far as the index knows it */
        ChatIndex index;
};

/* 8 MiB hold some 20,000 messages of usual length, and are read within a tenth of a second. */
const ChatLimits chat_limits_default = {
        .sessions = 1000,
        .messages = 20000,
        .bytes = (size_t) 8 * 1024 * 1024,
        .session_messages = 1000,
        .session_bytes = (size_t) 1024 * 1024,
};

ChatStore *chat_store_free(ChatStore *store) {
        if (!store)
                return NULL;
        chat_index_clear(&store->index);
        if (store->fd >= 0)
                (void) close(store->fd);
        free(store->path);
        free(store);
        return NULL;
}

const ChatIndex *chat_store_index(const ChatStore *store) {
        return &store->index;
}

static int pread_all(int fd, char *data, size_t size, off_t offset) {
        while (size > 0) {
                ssize_t n = pread(fd, data, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO; /* it became shorter under our hands */
                data += n;
                size -= (size_t) n;
                offset += n;
        }
        return 0;
}

/* --- Reading --- */

/* NULL when there is none. */
static const char *string_field(json_object *json, const char *name) {
        json_object *field;

        return json_object_object_get_ex(json, name, &field) && json_object_is_type(field, json_type_string)
                ? json_object_get_string(field) : NULL;
}

/* 1 when it was a message, 0 when it is none of ours. */
static int take_line(ChatStore *store, json_tokener *tokener, const char *line, size_t size, off_t offset) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        const char *session, *timestamp;
        int r;

        json_tokener_reset(tokener);
        json = json_tokener_parse_ex(tokener, line, (int) size);
        session = string_field(json, "sessionId");
        timestamp = string_field(json, "timestamp");
        if (!session || !timestamp || strlen(timestamp) != ISO8601_MAX - 1 || !string_field(json, "content"))
                return 0;
        r = chat_index_take(&store->index, offset, size, session, string_field(json, "userId"), timestamp);
        return r < 0 ? r : 1;
}

/* Takes the complete lines of data, which lies at offset of the file; *ret_size is what they come to. */
static int take_lines(ChatStore *store, const char *data, size_t size, off_t offset, size_t *ret_size) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new();
        size_t at = 0, strange = 0;
        const char *end;

        if (!tokener)
                return -ENOMEM;
        while ((end = memchr(data + at, '\n', size - at))) {
                size_t length = (size_t) (end - data) + 1 - at;
                int r = take_line(store, tokener, data + at, length, offset + (off_t) at);

                if (r < 0)
                        return r;
                strange += r == 0;
                at += length;
        }
        if (strange > 0)
                log_warning("%s: %zu line%s no message and %s left out", store->path, strange,
                            strange == 1 ? " is" : "s are", strange == 1 ? "is" : "are");
        *ret_size = at;
        return 0;
}

/* A kill, or a full disk and a kill, in the middle of a write. Nobody was told that this message is stored. */
static int cut_torn_line(ChatStore *store, off_t end, off_t size) {
        if (ftruncate(store->fd, end) < 0)
                return -errno;
        log_warning("%s: the last line was incomplete (%" PRIi64 " bytes) and was cut off; the message in it had not been"
                    " confirmed to anybody", store->path, (int64_t) (size - end));
        return 0;
}

/* Reads the file from where the index ends. */
static int read_on(ChatStore *store, off_t size) {
        size_t unread = (size_t) (size - store->size), taken;
        _cleanup_(freep) char *data = NULL;
        int r;

        if ((size_t) size > store->index.limits.bytes * FILE_MAX_FACTOR)
                return -EFBIG;
        data = malloc(unread + 1);
        if (!data)
                return -ENOMEM;
        r = pread_all(store->fd, data, unread, store->size);
        if (r >= 0)
                r = take_lines(store, data, unread, store->size, &taken);
        if (r < 0)
                return r;
        store->size += (off_t) taken;
        return store->size < size ? cut_torn_line(store, store->size, size) : 0;
}

static void forget(ChatStore *store) {
        chat_index_clear(&store->index);
        store->size = 0;
        if (store->fd >= 0)
                (void) close(store->fd);
        store->fd = -EBADF;
}

static int open_file(ChatStore *store) {
        forget(store);
        store->fd = open(store->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        if (store->fd < 0 && errno == ENOENT) {
                int r = write_file_atomic(store->path, "", 0, 0600);

                if (r < 0)
                        return r;
                store->fd = open(store->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        }
        return store->fd < 0 ? -errno : 0;
}

/* The file at the path is the one that is open, and no shorter than when it was last looked at. */
static bool is_same_file(const ChatStore *store) {
        struct stat there, here;

        return store->fd >= 0 && stat(store->path, &there) == 0 && fstat(store->fd, &here) == 0 &&
                there.st_ino == here.st_ino && there.st_dev == here.st_dev && here.st_size >= store->size;
}

static int refresh(ChatStore *store) {
        struct stat st;
        int r = 0;

        if (!is_same_file(store))
                r = open_file(store);
        if (r >= 0 && fstat(store->fd, &st) < 0)
                r = -errno;
        return r >= 0 && st.st_size > store->size ? read_on(store, st.st_size) : r;
}

int chat_store_refresh(ChatStore *store) {
        int r = refresh(store);

        if (r < 0)
                forget(store);
        return r;
}

int chat_store_open(const char *directory, const ChatLimits *limits, ChatStore **ret) {
        _cleanup_(chat_store_freep) ChatStore *store = calloc(1, sizeof(ChatStore));
        int r;

        if (!store)
                return -ENOMEM;
        store->fd = -EBADF;
        chat_index_init(&store->index, limits);
        store->path = str_printf("%s/" FILE_NAME, directory);
        if (!store->path)
                return -ENOMEM;
        r = chat_store_refresh(store);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(store);
        return 0;
}

/* --- Writing --- */

/* Writes what is kept into a new file. It costs one long stop for as many bytes as the store holds at most, once for as
 * many written. */
static int compact(ChatStore *store) {
        _cleanup_(freep) char *data = malloc(store->index.bytes + 1);
        size_t at = 0;
        int r = data ? 0 : -ENOMEM;

        for (size_t i = 0; i < store->index.n_records && r >= 0; i++) {
                const ChatRecord *record = store->index.records + i;

                r = pread_all(store->fd, data + at, record->size, record->offset);
                at += record->size;
        }
        if (r >= 0)
                r = write_file_atomic(store->path, data, at, 0600);
        return r < 0 ? r : chat_store_refresh(store);
}

static char *message_to_line(const ChatMessage *message, const char *timestamp) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !json_add(json, "sessionId", json_object_new_string(message->session)) ||
            !json_add(json, "role", json_object_new_string(message->role)) ||
            !json_add(json, "content",
                      json_object_new_string_len(message->content, (int) message->content_size)) ||
            !json_add(json, "userId", message->user ? json_object_new_string(message->user) : NULL) ||
            !json_add(json, "timestamp", json_object_new_string(timestamp)))
                return NULL;
        return str_printf("%s\n",
                          json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* All of it or nothing: a part of a line would spoil the line after it. */
static int write_lines(ChatStore *store, const char *line, size_t size) {
        int r = write_all(store->fd, line, size);

        if (r < 0 && ftruncate(store->fd, store->size) < 0) {
                log_errno(-errno, "%s: cannot take a half-written line back", store->path);
                forget(store); /* the next refresh cuts it off */
        }
        return r;
}

/* The lines one after the other, and the size of each. */
static int messages_to_lines(const ChatMessage *messages, size_t n, const char *timestamp, size_t *ret_sizes, char **ret) {
        _cleanup_(freep) char *lines = strdup("");

        for (size_t i = 0; i < n && lines; i++) {
                _cleanup_(freep) char *line = message_to_line(messages + i, timestamp), *before = TAKE_PTR(lines);

                if (!line)
                        return -ENOMEM;
                ret_sizes[i] = strlen(line);
                lines = str_printf("%s%s", before, line);
        }
        if (!lines)
                return -ENOMEM;
        *ret = TAKE_PTR(lines);
        return 0;
}

static int take_messages(ChatStore *store, const ChatMessage *messages, size_t n, const size_t *sizes, const char *timestamp) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                r = chat_index_take(&store->index, store->size, sizes[i], messages[i].session, messages[i].user, timestamp);
                store->size += (off_t) sizes[i];
        }
        if (r >= 0 && (size_t) store->size > 2 * store->index.limits.bytes) {
                r = compact(store);
                if (r < 0)
                        log_errno(r, "%s: cannot write it anew without what is no longer kept", store->path);
                r = store->fd < 0 ? r : 0; /* the file as it was will do */
        }
        if (r < 0)
                forget(store);
        return r;
}

int chat_store_append(ChatStore *store, const ChatMessage *messages, size_t n, const ChatSession **ret_session) {
        size_t sizes[CHAT_APPEND_MAX], size;
        _cleanup_(freep) char *lines = NULL;
        char now[ISO8601_MAX];
        int r;

        if (n == 0 || n > CHAT_APPEND_MAX)
                return -EINVAL;
        r = messages_to_lines(messages, n, format_iso8601(now, now_realtime_usec()), sizes, &lines);
        if (r < 0)
                return r;
        size = strlen(lines);
        if (!chat_index_has_room(&store->index, chat_index_find(&store->index, messages->session), n, size))
                return -EDQUOT;
        r = write_lines(store, lines, size);
        if (r >= 0)
                r = take_messages(store, messages, n, sizes, now);
        if (r < 0)
                return r;
        *ret_session = TAILQ_FIRST(&store->index.sessions);
        return 0;
}

int chat_store_sync(ChatStore *store) {
        if (store->fd < 0)
                return -EBADF;
        return fdatasync(store->fd) < 0 ? -errno : 0;
}

/* --- Answers --- */

/* The records that are asked for, newest first, into found; what they come to in bytes. */
static size_t find_records(const ChatStore *store, const char *session, size_t limit, const ChatRecord **found,
                           size_t *ret_n) {
        const ChatIndex *index = &store->index;
        const ChatSession *wanted = session ? chat_index_find(index, session) : NULL;
        size_t n = 0, bytes = 0;

        for (size_t i = session && !wanted ? 0 : index->n_records; i > 0 && n < limit; i--) {
                const ChatRecord *record = index->records + i - 1;

                if (wanted && record->session != wanted)
                        continue;
                found[n++] = record;
                bytes += record->size;
        }
        *ret_n = n;
        return bytes;
}

/* The lines of the file are what is answered, with commas for the newlines. */
int chat_store_transcripts(ChatStore *store, const char *session, size_t limit, char **ret) {
        _cleanup_(freep) const ChatRecord **found = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t bytes, n, at = 0;
        int r = 0;

        limit = MIN(limit, store->index.n_records);
        found = reallocarray(NULL, limit + 1, sizeof(const ChatRecord *));
        if (!found)
                return -ENOMEM;
        bytes = find_records(store, session, limit, found, &n);
        text = malloc(bytes + sizeof("[]"));
        if (!text)
                return -ENOMEM;
        text[at++] = '[';
        for (; n > 0 && r >= 0; n--) {
                const ChatRecord *record = found[n - 1];

                r = pread_all(store->fd, text + at, record->size, record->offset);
                at += record->size;
                text[at - 1] = n > 1 ? ',' : ']';
        }
        if (r < 0)
                return r;
        if (at == 1)
                text[at++] = ']';
        text[at] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}
