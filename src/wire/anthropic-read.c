/* SPDX-License-Identifier: MIT */
#include "wire/anthropic.h"
#include "wire/openai.h"

/* service_tier is a hint; cache_control stands in blocks, where it changes no answer either. */
static const char *const known[] = {
        "model", "messages", "system", "max_tokens", "metadata", "stop_sequences", "stream", "temperature", "top_p", "top_k",
        "tools", "tool_choice", "thinking", "output_config", "service_tier", "cache_control", "inference_geo", NULL,
};

static int read_image(WireChat *chat, WireMessage *message, json_object *block, const char *where, char **ret_why) {
        json_object *source = wire_object(block, "source");

        if (wire_is(source, "type", "url") && wire_text(source, "url"))
                return wire_message_image(message, NULL, wire_text(source, "url"));
        if (wire_is(source, "type", "base64") && wire_text(source, "media_type") && wire_text(source, "data"))
                return wire_message_image(message, wire_text(source, "media_type"), wire_text(source, "data"));
        return wire_cannot(chat, ret_why, "%s.source", where);
}

static int read_result(WireChat *chat, WireMessage *message, json_object *block, const char *where, char **ret_why) {
        json_object *text;
        int r;

        r = wire_joined_blocks(chat, wire_field(block, "content"), where, &text, ret_why);
        if (r < 0)
                return r;
        return wire_chat_result(chat, message, wire_text(block, "tool_use_id"), text, wire_true(block, "is_error"));
}

static int read_block(WireChat *chat, WireMessage *message, json_object *block, const char *where, char **ret_why) {
        const char *type = strempty(wire_string(block, "type"));

        if (streq(type, "text"))
                return wire_message_text(message, wire_text(block, "text"));
        if (streq(type, "image"))
                return read_image(chat, message, block, where, ret_why);
        if (streq(type, "tool_use") && wire_text(block, "name") && message->n_parts < WIRE_CALLS_MAX)
                return wire_message_call(message, wire_text(block, "id"), wire_text(block, "name"), wire_field(block, "input"),
                                         NULL);
        if (streq(type, "tool_result"))
                return read_result(chat, message, block, where, ret_why);
        if (streq(type, "thinking") || streq(type, "redacted_thinking"))
                return 0; /* only Anthropic can check whose it is */
        return wire_cannot(chat, ret_why, "%s (%s)", where, type);
}

static int read_blocks(WireChat *chat, WireMessage *message, json_object *content, const char *where, char **ret_why) {
        int r = 0;

        if (json_object_is_type(content, json_type_string))
                return wire_message_text(message, content);
        for (size_t k = 0; r >= 0 && json_object_is_type(content, json_type_array) && k < wire_length(content); k++) {
                char what[80];

                (void) snprintf(what, sizeof(what), "%s[%zu]", where, k);
                r = read_block(chat, message, json_object_array_get_idx(content, k), what, ret_why);
        }
        return r;
}

static int read_messages(WireChat *chat, json_object *body, char **ret_why) {
        json_object *messages = wire_array(body, "messages"), *system = wire_field(body, "system");
        WireMessage *message;
        int r = 0;

        if (system) {
                message = wire_chat_message(chat, WIRE_SYSTEM);
                r = message ? read_blocks(chat, message, system, "system", ret_why) : -ENOMEM;
        }
        for (size_t i = 0; r >= 0 && i < wire_length(messages); i++) {
                json_object *json = json_object_array_get_idx(messages, i);
                const char *role = strempty(wire_string(json, "role"));
                char where[40];

                (void) snprintf(where, sizeof(where), "messages[%zu].content", i);
                if (!streq(role, "user") && !streq(role, "assistant"))
                        return wire_cannot(chat, ret_why, "messages[%zu].role", i);
                message = wire_chat_message(chat, *role == 'u' ? WIRE_USER : WIRE_ASSISTANT);
                r = message ? read_blocks(chat, message, wire_field(json, "content"), where, ret_why) : -ENOMEM;
        }
        return r;
}

static int read_tools(WireChat *chat, json_object *tools, char **ret_why) {
        for (size_t i = 0; i < wire_length(tools); i++) {
                json_object *json = json_object_array_get_idx(tools, i);
                const char *type = wire_string(json, "type");
                WireTool *tool;

                if ((type && !streq(type, "custom")) || !wire_text(json, "name"))
                        return wire_cannot(chat, ret_why, "tools[%zu] (%s)", i, type ? type : "without a name");
                tool = wire_chat_tool(chat);
                if (!tool)
                        return -ENOMEM;
                tool->name = wire_text(json, "name");
                tool->description = wire_text(json, "description");
                tool->parameters = wire_object(json, "input_schema");
        }
        return 0;
}

static int read_tool_choice(WireChat *chat, json_object *choice, char **ret_why) {
        const char *type = wire_string(choice, "type");

        if (!choice)
                return 0;
        chat->one_call = wire_true(choice, "disable_parallel_tool_use");
        chat->choice_name = wire_text(choice, "name");
        if (type && streq(type, "auto"))
                chat->choice = WIRE_CHOICE_AUTO;
        else if (type && streq(type, "none"))
                chat->choice = WIRE_CHOICE_NONE;
        else if (type && streq(type, "any"))
                chat->choice = WIRE_CHOICE_REQUIRED;
        else if (type && streq(type, "tool") && chat->choice_name)
                chat->choice = WIRE_CHOICE_NAMED;
        else
                return wire_cannot(chat, ret_why, "tool_choice");
        return 0;
}

/* Without a word for it there is no thinking, which is what others have without one too. */
static int read_thinking(WireChat *chat, json_object *body, char **ret_why) {
        json_object *thinking = wire_field(body, "thinking"), *output = wire_field(body, "output_config");
        json_object *format = wire_field(output, "format");
        const char *type = strempty(wire_string(thinking, "type")), *effort = wire_string(output, "effort");

        if (streq(type, "enabled")) {
                chat->thinking_tokens = wire_count(thinking, "budget_tokens");
                chat->effort = wire_effort_of(chat->thinking_tokens);
        } else if (streq(type, "adaptive"))
                chat->effort = effort ? openai_effort(effort) : WIRE_EFFORT_ON;
        else if (thinking && !streq(type, "disabled"))
                return wire_cannot(chat, ret_why, "thinking");
        if (!format)
                return 0;
        chat->schema = wire_object(format, "schema");
        if (!wire_is(format, "type", "json_schema") || !chat->schema)
                return wire_cannot(chat, ret_why, "output_config.format");
        chat->json = true;
        return 0;
}

int anthropic_read_request(json_object *body, WireChat *chat, char **ret_why) {
        int64_t max_tokens = wire_count(body, "max_tokens");
        int r;

        r = wire_check_fields(chat, body, known, "", ret_why);
        if (r >= 0)
                r = read_messages(chat, body, ret_why);
        if (r >= 0)
                r = read_tools(chat, wire_array(body, "tools"), ret_why);
        if (r >= 0)
                r = read_tool_choice(chat, wire_field(body, "tool_choice"), ret_why);
        if (r >= 0)
                r = read_thinking(chat, body, ret_why);
        if (r < 0)
                return r;
        chat->stream = wire_true(body, "stream");
        chat->max_tokens = max_tokens > 0 ? max_tokens : -1;
        chat->temperature = wire_field(body, "temperature");
        chat->top_p = wire_field(body, "top_p");
        chat->top_k = wire_field(body, "top_k");
        chat->user = wire_text(wire_field(body, "metadata"), "user_id");
        return wire_read_stop(chat, wire_field(body, "stop_sequences"));
}
