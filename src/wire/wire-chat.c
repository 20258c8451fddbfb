/* SPDX-License-Identifier: MIT */
#include "wire/wire-internal.h"

static void message_done(WireMessage *message) {
        for (size_t i = 0; i < message->n_parts; i++) {
                WirePart *part = message->parts + i;

                (void) json_object_put(part->text);
                (void) json_object_put(part->type);
                (void) json_object_put(part->id);
                (void) json_object_put(part->name);
                (void) json_object_put(part->arguments);
                (void) json_object_put(part->signature);
        }
        free(message->parts);
        *message = (WireMessage) {};
}

void wire_chat_done(WireChat *chat) {
        for (size_t i = 0; i < chat->n_messages; i++)
                message_done(chat->messages + i);
        free(chat->messages);
        free(chat->tools);
        (void) json_object_put(chat->stop);
        *chat = (WireChat) {};
}

void wire_reply_done(WireReply *reply) {
        message_done(&reply->message);
        (void) json_object_put(reply->id);
        (void) json_object_put(reply->model);
        (void) json_object_put(reply->sequence);
        *reply = (WireReply) {};
}

/* Room for one more of n, which doubles as they get more. */
static void *room_for_one(void *items, size_t n, size_t size) {
        if (n > 0 && (n & (n - 1)) != 0)
                return items;
        return reallocarray(items, n > 0 ? n * 2 : 1, size);
}

WireMessage *wire_chat_message(WireChat *chat, WireRole role) {
        WireMessage *grown = room_for_one(chat->messages, chat->n_messages, sizeof(WireMessage));

        if (!grown)
                return NULL;
        chat->messages = grown;
        grown += chat->n_messages++;
        *grown = (WireMessage) { .role = role };
        return grown;
}

WireTool *wire_chat_tool(WireChat *chat) {
        WireTool *grown = room_for_one(chat->tools, chat->n_tools, sizeof(WireTool));

        if (!grown)
                return NULL;
        chat->tools = grown;
        grown += chat->n_tools++;
        *grown = (WireTool) {};
        return grown;
}

WirePart *wire_message_part(WireMessage *message, WirePartKind kind, json_object *text) {
        WirePart *grown = room_for_one(message->parts, message->n_parts, sizeof(WirePart));

        if (!grown)
                return NULL;
        message->parts = grown;
        grown += message->n_parts++;
        *grown = (WirePart) { .kind = kind, .text = json_object_get(text) };
        return grown;
}

json_object *wire_part_arguments_text(const WirePart *part) {
        const char *text;
        size_t size;

        if (!part->arguments)
                return json_object_new_string("{}");
        if (json_object_is_type(part->arguments, json_type_string))
                return json_object_get(part->arguments);
        text = wire_to_text(part->arguments, &size);
        return text ? json_object_new_string_len(text, (int) size) : NULL;
}

int wire_part_arguments(const WirePart *part, json_object **ret) {
        json_object *arguments = part->arguments;

        if (json_object_is_type(arguments, json_type_object))
                *ret = json_object_get(arguments);
        else if (!arguments || (json_object_is_type(arguments, json_type_string) && json_object_get_string_len(arguments) == 0))
                *ret = json_object_new_object();
        else if (json_object_is_type(arguments, json_type_string))
                return wire_parse_object(json_object_get_string(arguments), (size_t) json_object_get_string_len(arguments), ret);
        else
                return -EBADMSG;
        return *ret ? 0 : -ENOMEM;
}
