/* SPDX-License-Identifier: MIT */
#include "wire/wire-internal.h"

int wire_cannot(const WireChat *chat, char **ret_why, const char *format, ...) {
        _cleanup_(freep) char *field = NULL;
        va_list ap;

        va_start(ap, format);
        field = str_vprintf(format, ap);
        va_end(ap);
        if (!field)
                return -ENOMEM;
        return wire_why(ret_why, -EOPNOTSUPP, "%s: %s's format cannot say it", field, chat->to->vendor);
}

/* null, false, 0, {} and []: as if it were not there. */
static bool asks_nothing(json_object *value) {
        switch (json_object_get_type(value)) {
        case json_type_null:
                return true;
        case json_type_boolean:
                return !json_object_get_boolean(value);
        case json_type_int:
                return json_object_get_int64(value) == 0;
        case json_type_array:
                return json_object_array_length(value) == 0;
        case json_type_object:
                return json_object_object_length(value) == 0;
        default:
                return false;
        }
}

int wire_check_fields(const WireChat *chat, json_object *object, const char *const *known, const char *where, char **ret_why) {
        json_object_object_foreach(object, key, value) {
                const char *const *k = known;

                while (*k && !streq(*k, key))
                        k++;
                if (!*k && !asks_nothing(value))
                        return wire_cannot(chat, ret_why, "%s%s", where, key);
        }
        return 0;
}

int wire_check_order(const WireChat *chat, char **ret_why) {
        for (size_t i = 1; i < chat->n_messages; i++)
                if (chat->messages[i].role == WIRE_SYSTEM && chat->messages[i - 1].role != WIRE_SYSTEM)
                        return wire_cannot(chat, ret_why, "messages: one of the system behind others");
        for (size_t i = 0; i < chat->n_messages; i++)
                if (chat->messages[i].role != WIRE_USER && wire_message_has(chat->messages + i, WIRE_PART_IMAGE))
                        return wire_cannot(chat, ret_why, "messages: an image that is not of the user");
        return 0;
}

/* Google's table for OpenAI's words, which is the one that a vendor has published. */
int64_t wire_effort_tokens(WireEffort effort) {
        switch (effort) {
        case WIRE_EFFORT_LOW:
                return 1024;
        case WIRE_EFFORT_HIGH:
                return 24576;
        default:
                return 8192;
        }
}

WireEffort wire_effort_of(int64_t tokens) {
        if (tokens <= 1024)
                return WIRE_EFFORT_LOW;
        return tokens <= 8192 ? WIRE_EFFORT_MEDIUM : WIRE_EFFORT_HIGH;
}

int wire_read_stop(WireChat *chat, json_object *value) {
        if (json_object_is_type(value, json_type_array)) {
                chat->stop = wire_length(value) > 0 ? json_object_get(value) : NULL;
                return 0;
        }
        if (!json_object_is_type(value, json_type_string))
                return 0;
        chat->stop = json_object_new_array();
        wire_push(&chat->stop, json_object_get(value));
        return chat->stop ? 0 : -ENOMEM;
}

/* One text as it is, several in one. */
typedef struct Joined {
        const char *between;
        WireBuffer buffer;
        json_object *only;
        size_t n;
} Joined;

static int joined_add(Joined *joined, json_object *text) {
        int r = 0;

        if (joined->n++ > 0)
                r = wire_buffer_add(&joined->buffer, joined->between, strlen(joined->between));
        joined->only = text;
        if (r >= 0)
                r = wire_buffer_add(&joined->buffer, json_object_get_string(text), (size_t) json_object_get_string_len(text));
        return r;
}

static json_object *joined_take(Joined *joined) {
        json_object *whole;

        if (joined->n == 1)
                whole = json_object_get(joined->only);
        else
                whole = json_object_new_string_len(wire_buffer_text(&joined->buffer), (int) joined->buffer.size);
        wire_buffer_done(&joined->buffer);
        return whole;
}

json_object *wire_message_joined(const WireMessage *message, WirePartKind kind, const char *between) {
        Joined joined = { .between = between };

        for (size_t i = 0; i < message->n_parts; i++)
                if (message->parts[i].kind == kind && message->parts[i].text && joined_add(&joined, message->parts[i].text) < 0) {
                        wire_buffer_done(&joined.buffer);
                        return NULL;
                }
        return joined_take(&joined);
}

int wire_joined_blocks(const WireChat *chat, json_object *content, const char *where, json_object **ret, char **ret_why) {
        Joined joined = { .between = "\n" };
        int r = 0;

        if (json_object_is_type(content, json_type_string)) {
                *ret = json_object_get(content);
                return 0;
        }
        for (size_t i = 0; r >= 0 && json_object_is_type(content, json_type_array) && i < wire_length(content); i++) {
                json_object *block = json_object_array_get_idx(content, i);

                if (!wire_is(block, "type", "text") || !wire_text(block, "text"))
                        r = wire_cannot(chat, ret_why, "%s[%zu]", where, i);
                else
                        r = joined_add(&joined, wire_text(block, "text"));
        }
        if (r < 0) {
                wire_buffer_done(&joined.buffer);
                return r;
        }
        *ret = joined_take(&joined);
        return *ret ? 0 : -ENOMEM;
}
