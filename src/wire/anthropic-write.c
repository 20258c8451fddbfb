/* SPDX-License-Identifier: MIT */
#include "wire/anthropic.h"

#define THINKING_MIN 1024 /* Anthropic takes no less */

json_object *anthropic_text_block(json_object *text) {
        json_object *block = json_object_new_object();

        wire_set_string(&block, "type", "text");
        wire_set_ref(&block, "text", text);
        return block;
}

json_object *anthropic_call_block(const WirePart *part) {
        json_object *block = json_object_new_object();

        wire_set_string(&block, "type", "tool_use");
        wire_set_ref(&block, "id", part->id);
        wire_set_ref(&block, "name", part->name);
        wire_set_ref(&block, "input", part->arguments);
        return block;
}

static json_object *image_block(const WirePart *part) {
        json_object *block = json_object_new_object(), *source = json_object_new_object();

        wire_set_string(&source, "type", part->type ? "base64" : "url");
        wire_set_ref(&source, "media_type", part->type);
        wire_set_ref(&source, part->type ? "data" : "url", part->text);
        wire_set_string(&block, "type", "image");
        wire_set(&block, "source", source);
        return block;
}

static json_object *result_block(const WirePart *part) {
        json_object *block = json_object_new_object();

        wire_set_string(&block, "type", "tool_result");
        wire_set_ref(&block, "tool_use_id", part->id);
        wire_set_ref(&block, "content", part->text);
        if (part->failed)
                wire_set_bool(&block, "is_error", true);
        return block;
}

/* Adds the blocks of a message. Empty texts are refused there, so they are left out. */
static void add_blocks(json_object **blocks, const WireMessage *message) {
        for (size_t i = 0; i < message->n_parts; i++) {
                const WirePart *part = message->parts + i;

                if (part->kind == WIRE_PART_IMAGE)
                        wire_push(blocks, image_block(part));
                else if (part->kind == WIRE_PART_CALL)
                        wire_push(blocks, anthropic_call_block(part));
                else if (part->kind == WIRE_PART_RESULT)
                        wire_push(blocks, result_block(part));
                else if (part->text && json_object_get_string_len(part->text) > 0)
                        wire_push(blocks, anthropic_text_block(part->text));
        }
}

/* Messages of one role in a row become one, so that the results of parallel calls are together as they have to be. */
static json_object *write_messages(const WireChat *chat, size_t first) {
        json_object *messages = json_object_new_array();

        for (size_t i = first; i < chat->n_messages;) {
                WireRole role = chat->messages[i].role;
                json_object *message = json_object_new_object(), *blocks = json_object_new_array();

                for (; i < chat->n_messages && chat->messages[i].role == role; i++)
                        add_blocks(&blocks, chat->messages + i);
                if (blocks && wire_length(blocks) == 0) {
                        (void) json_object_put(message);
                        (void) json_object_put(blocks);
                        continue;
                }
                wire_set_string(&message, "role", role == WIRE_USER ? "user" : "assistant");
                wire_set(&message, "content", blocks);
                wire_push(&messages, message);
        }
        return messages;
}

static size_t write_system(const WireChat *chat, json_object **json) {
        json_object *blocks = json_object_new_array();
        size_t n;

        for (n = 0; n < chat->n_messages && chat->messages[n].role == WIRE_SYSTEM; n++)
                add_blocks(&blocks, chat->messages + n);
        if (blocks && wire_length(blocks) == 0)
                (void) json_object_put(blocks);
        else
                wire_set(json, "system", blocks);
        return n;
}

static json_object *write_tools(const WireChat *chat) {
        json_object *tools = json_object_new_array();

        for (size_t i = 0; i < chat->n_tools; i++) {
                json_object *tool = json_object_new_object(), *schema;

                wire_set_ref(&tool, "name", chat->tools[i].name);
                wire_set_ref(&tool, "description", chat->tools[i].description);
                if (chat->tools[i].parameters)
                        wire_set_ref(&tool, "input_schema", chat->tools[i].parameters);
                else { /* a function without arguments, but it has to have one */
                        schema = json_object_new_object();
                        wire_set_string(&schema, "type", "object");
                        wire_set(&tool, "input_schema", schema);
                }
                wire_push(&tools, tool);
        }
        return tools;
}

static void write_tool_choice(const WireChat *chat, json_object **json) {
        static const char *const types[] = { "auto", "auto", "none", "any", "tool" };
        json_object *choice;

        if (chat->choice == WIRE_CHOICE_UNSET && !chat->one_call)
                return;
        choice = json_object_new_object();
        wire_set_string(&choice, "type", types[chat->choice]);
        if (chat->choice == WIRE_CHOICE_NAMED)
                wire_set_ref(&choice, "name", chat->choice_name);
        if (chat->one_call && chat->choice != WIRE_CHOICE_NONE)
                wire_set_bool(&choice, "disable_parallel_tool_use", true);
        wire_set(json, "tool_choice", choice);
}

/* max_tokens counts thinking too, so that has to leave room. */
static int write_thinking(const WireChat *chat, int64_t max_tokens, json_object **json, char **ret_why) {
        int64_t tokens = chat->thinking_tokens > 0 ? chat->thinking_tokens : wire_effort_tokens(chat->effort);
        json_object *thinking;

        if (chat->effort <= WIRE_EFFORT_OFF)
                return 0;
        tokens = MIN(MAX(tokens, THINKING_MIN), max_tokens - 1);
        if (tokens < THINKING_MIN)
                return wire_why(ret_why, -EOPNOTSUPP, "max_tokens: Anthropic's models take no less than %d to think",
                                THINKING_MIN + 1);
        thinking = json_object_new_object();
        wire_set_string(&thinking, "type", "enabled");
        wire_set_int(&thinking, "budget_tokens", tokens);
        wire_set(json, "thinking", thinking);
        return 0;
}

static int check(const WireChat *chat, char **ret_why) {
        int r = wire_check_order(chat, ret_why);

        if (r < 0)
                return r;
        if (chat->seed)
                return wire_cannot(chat, ret_why, "seed");
        if (chat->frequency_penalty && json_object_get_double(chat->frequency_penalty) != 0)
                return wire_cannot(chat, ret_why, "frequency_penalty");
        if (chat->presence_penalty && json_object_get_double(chat->presence_penalty) != 0)
                return wire_cannot(chat, ret_why, "presence_penalty");
        if (chat->json && !chat->schema)
                return wire_cannot(chat, ret_why, "response_format (without a schema)");
        if (chat->temperature && json_object_get_double(chat->temperature) > 1)
                return wire_cannot(chat, ret_why, "temperature (above 1)");
        if (chat->max_tokens <= 0 && chat->default_tokens <= 0)
                return wire_why(ret_why, -EOPNOTSUPP, "max_tokens: Anthropic's format demands it");
        return 0;
}

static void write_options(const WireChat *chat, json_object **json) {
        wire_set_ref(json, "temperature", chat->temperature);
        wire_set_ref(json, "top_p", chat->top_p);
        wire_set_ref(json, "top_k", chat->top_k);
        wire_set_ref(json, "stop_sequences", chat->stop);
        if (chat->stream)
                wire_set_bool(json, "stream", true);
        if (chat->user) {
                json_object *metadata = json_object_new_object();

                wire_set_ref(&metadata, "user_id", chat->user);
                wire_set(json, "metadata", metadata);
        }
        if (chat->schema) {
                json_object *output = json_object_new_object(), *format = json_object_new_object();

                wire_set_string(&format, "type", "json_schema");
                wire_set_ref(&format, "schema", chat->schema);
                wire_set(&output, "format", format);
                wire_set(json, "output_config", output);
        }
}

int anthropic_write_request(const WireChat *chat, json_object **ret, char **ret_why) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        int64_t max_tokens = chat->max_tokens > 0 ? chat->max_tokens : chat->default_tokens;
        size_t first;
        int r;

        r = check(chat, ret_why);
        if (r < 0)
                return r;
        json = json_object_new_object();
        wire_set_string(&json, "model", chat->model);
        wire_set_int(&json, "max_tokens", max_tokens);
        first = write_system(chat, &json);
        wire_set(&json, "messages", write_messages(chat, first));
        r = write_thinking(chat, max_tokens, &json, ret_why);
        if (r < 0)
                return r;
        if (chat->n_tools > 0) {
                wire_set(&json, "tools", write_tools(chat));
                write_tool_choice(chat, &json);
        }
        write_options(chat, &json);
        if (!json)
                return -ENOMEM;
        *ret = TAKE_PTR(json);
        return 0;
}
