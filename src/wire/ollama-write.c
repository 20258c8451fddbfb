/* SPDX-License-Identifier: MIT */
#include "wire/ollama.h"
#include "wire/openai.h"

static int check_message(const WireChat *chat, const WireMessage *message, char **ret_why) {
        for (size_t k = 0; k < message->n_parts; k++) {
                const WirePart *part = message->parts + k;

                if (part->kind == WIRE_PART_IMAGE && !part->type)
                        return wire_cannot(chat, ret_why, "messages: an image by its address");
                if (part->kind == WIRE_PART_RESULT && !part->name)
                        return wire_why(ret_why, -EOPNOTSUPP, "messages: the result of a call that was not made");
        }
        return 0;
}

static json_object *write_result(const WirePart *part) {
        json_object *json = json_object_new_object();

        wire_set_string(&json, "role", "tool");
        wire_set(&json, "content", openai_result_text(part));
        wire_set_ref(&json, "tool_name", part->name);
        return json;
}

static json_object *write_message(const WireMessage *message) {
        static const char *const roles[] = { "system", "user", "assistant" };
        json_object *json = json_object_new_object(), *images, *calls;

        wire_set_string(&json, "role", roles[message->role]);
        wire_set(&json, "content", wire_message_joined(message, WIRE_PART_TEXT, "\n"));
        if (wire_message_has(message, WIRE_PART_IMAGE)) {
                images = json_object_new_array();
                for (size_t k = 0; k < message->n_parts; k++)
                        if (message->parts[k].kind == WIRE_PART_IMAGE)
                                wire_push(&images, json_object_get(message->parts[k].text));
                wire_set(&json, "images", images);
        }
        if (wire_message_has(message, WIRE_PART_CALL)) {
                calls = json_object_new_array();
                for (size_t k = 0; k < message->n_parts; k++)
                        if (message->parts[k].kind == WIRE_PART_CALL)
                                wire_push(&calls, openai_call(message->parts + k, false));
                wire_set(&json, "tool_calls", calls);
        }
        return json;
}

static int write_messages(const WireChat *chat, json_object **json, char **ret_why) {
        json_object *messages;

        for (size_t i = 0; i < chat->n_messages; i++) {
                int r = check_message(chat, chat->messages + i, ret_why);

                if (r < 0)
                        return r;
        }
        messages = json_object_new_array();
        for (size_t i = 0; i < chat->n_messages; i++) {
                const WireMessage *message = chat->messages + i;
                size_t results = 0;

                for (size_t k = 0; k < message->n_parts; k++)
                        if (message->parts[k].kind == WIRE_PART_RESULT) {
                                wire_push(&messages, write_result(message->parts + k));
                                results++;
                        }
                if (results < message->n_parts || message->n_parts == 0)
                        wire_push(&messages, write_message(message));
        }
        wire_set(json, "messages", messages);
        return 0;
}

static json_object *write_options(const WireChat *chat) {
        json_object *options = json_object_new_object();

        wire_set_ref(&options, "temperature", chat->temperature);
        wire_set_ref(&options, "top_p", chat->top_p);
        wire_set_ref(&options, "top_k", chat->top_k);
        wire_set_ref(&options, "seed", chat->seed);
        wire_set_ref(&options, "frequency_penalty", chat->frequency_penalty);
        wire_set_ref(&options, "presence_penalty", chat->presence_penalty);
        wire_set_ref(&options, "stop", chat->stop);
        if (chat->max_tokens > 0)
                wire_set_int(&options, "num_predict", chat->max_tokens);
        return options;
}

static void write_thinking(const WireChat *chat, json_object **json) {
        if (chat->effort == WIRE_EFFORT_UNSET)
                return;
        if (chat->effort == WIRE_EFFORT_OFF || chat->effort == WIRE_EFFORT_ON)
                wire_set_bool(json, "think", chat->effort == WIRE_EFFORT_ON);
        else
                wire_set_string(json, "think", openai_effort_name(chat->effort));
}

int ollama_write_request(const WireChat *chat, json_object **ret, char **ret_why) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        json_object *options;
        int r;

        if (chat->choice == WIRE_CHOICE_REQUIRED || chat->choice == WIRE_CHOICE_NAMED)
                return wire_cannot(chat, ret_why, "tool_choice");
        if (chat->one_call && chat->n_tools > 0 && chat->choice != WIRE_CHOICE_NONE)
                return wire_cannot(chat, ret_why, "parallel_tool_calls");
        json = json_object_new_object();
        wire_set_string(&json, "model", chat->model);
        r = write_messages(chat, &json, ret_why);
        if (r < 0)
                return r;
        wire_set_bool(&json, "stream", chat->stream); /* it streams unless told */
        if (chat->n_tools > 0 && chat->choice != WIRE_CHOICE_NONE)
                wire_set(&json, "tools", openai_tools(chat));
        if (chat->schema)
                wire_set_ref(&json, "format", chat->schema);
        else if (chat->json)
                wire_set_string(&json, "format", "json");
        write_thinking(chat, &json);
        options = write_options(chat);
        if (options && json_object_object_length(options) == 0)
                (void) json_object_put(options);
        else
                wire_set(&json, "options", options);
        if (!json)
                return -ENOMEM;
        *ret = TAKE_PTR(json);
        return 0;
}
