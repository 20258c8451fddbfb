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

WireFinish wire_finish(const WireReply *reply, bool calls) {
        if (calls && (reply->finish == WIRE_FINISH_STOP || reply->finish == WIRE_FINISH_UNSET))
                return WIRE_FINISH_CALLS;
        return reply->finish == WIRE_FINISH_UNSET ? WIRE_FINISH_STOP : reply->finish;
}

json_object *wire_call_id(const char *answer_id, size_t n) {
        _cleanup_(freep) char *id = str_printf("call_%s_%zu", answer_id, n);

        return id ? json_object_new_string(id) : NULL;
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

int wire_message_text(WireMessage *message, json_object *text) {
        return !text || wire_message_part(message, WIRE_PART_TEXT, text) ? 0 : -ENOMEM;
}

int wire_message_call(WireMessage *message, json_object *id, json_object *name, json_object *arguments, json_object *signature) {
        WirePart *part = wire_message_part(message, WIRE_PART_CALL, NULL);

        if (!part)
                return -ENOMEM;
        part->id = json_object_get(id);
        part->name = json_object_get(name);
        part->arguments = json_object_get(arguments);
        part->signature = json_object_get(signature);
        return 0;
}

int wire_message_image(WireMessage *message, json_object *type, json_object *text) {
        WirePart *part = wire_message_part(message, WIRE_PART_IMAGE, text);

        if (!part)
                return -ENOMEM;
        part->type = json_object_get(type);
        return 0;
}

bool wire_message_has(const WireMessage *message, WirePartKind kind) {
        for (size_t i = 0; i < message->n_parts; i++)
                if (message->parts[i].kind == kind)
                        return true;
        return false;
}

WireMessage *wire_chat_caller(WireChat *chat) {
        for (; chat->n_searched < chat->n_messages; chat->n_searched++)
                if (wire_message_has(chat->messages + chat->n_searched, WIRE_PART_CALL))
                        chat->caller = chat->n_searched + 1;
        return chat->caller > 0 ? chat->messages + chat->caller - 1 : NULL;
}

static json_object *called_name(WireChat *chat, json_object *id) {
        const WireMessage *message = wire_chat_caller(chat);

        for (size_t k = 0; message && k < message->n_parts; k++)
                if (message->parts[k].kind == WIRE_PART_CALL && json_object_equal(message->parts[k].id, id))
                        return message->parts[k].name;
        return NULL;
}

int wire_chat_result(WireChat *chat, WireMessage *message, json_object *id, json_object *text, bool failed) {
        json_object *name = called_name(chat, id);
        WirePart *part = wire_message_part(message, WIRE_PART_RESULT, NULL);

        if (!part) {
                (void) json_object_put(text);
                return -ENOMEM;
        }
        part->text = text;
        part->id = json_object_get(id);
        part->name = json_object_get(name);
        part->failed = failed;
        return 0;
}

int wire_chat_objects(WireChat *chat, char **ret_why) {
        for (size_t i = 0; i < chat->n_messages; i++)
                for (size_t k = 0; k < chat->messages[i].n_parts; k++) {
                        WirePart *part = chat->messages[i].parts + k;
                        json_object *arguments;
                        int r;

                        if (part->kind != WIRE_PART_CALL)
                                continue;
                        r = wire_part_arguments(part, &arguments);
                        if (r == -EBADMSG)
                                return wire_why(ret_why, -EOPNOTSUPP, "messages: the arguments of a call of %s are no JSON object",
                                                json_object_get_string(part->name));
                        if (r < 0)
                                return r;
                        (void) json_object_put(part->arguments);
                        part->arguments = arguments;
                }
        return 0;
}
