/* SPDX-License-Identifier: MIT */
#include "wire/openai.h"

/* Beside what is read: hints, which change no answer's meaning. */
static const char *const known[] = {
        "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p",
        "top_k", "seed", "frequency_penalty", "presence_penalty", "stop", "max_tokens", "max_completion_tokens", "response_format",
        "reasoning_effort", "user", "n", "modalities",
        "metadata", "service_tier", "store", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prediction",
        NULL,
};
/* "name" beside a tool's result is the tool's; thinking of earlier answers is told to nobody. */
static const char *const known_of_messages[] = {
        "role", "content", "tool_calls", "tool_call_id", "refusal", "annotations", "reasoning_content", "reasoning",
        "reasoning_details", "cache_control", NULL,
};

WireEffort openai_effort(const char *name) {
        if (streq(name, "none"))
                return WIRE_EFFORT_OFF;
        if (streq(name, "low") || streq(name, "minimal"))
                return WIRE_EFFORT_LOW;
        return streq(name, "medium") ? WIRE_EFFORT_MEDIUM : WIRE_EFFORT_HIGH;
}

/* "data:image/png;base64,AAAA" or an address. */
static int read_image(WireChat *chat, WireMessage *message, json_object *part, const char *where, char **ret_why) {
        json_object *image = wire_field(part, "image_url");
        json_object *url = json_object_is_type(image, json_type_string) ? image : wire_text(image, "url");
        _cleanup_(json_object_putp) json_object *type = NULL, *data = NULL;
        const char *rest = url ? startswith(json_object_get_string(url), "data:") : NULL, *mark;

        if (!url)
                return wire_why(ret_why, -EOPNOTSUPP, "%s.image_url.url: a string is expected", where);
        if (!rest)
                return wire_message_image(message, NULL, url);
        mark = strstr(rest, ";base64,");
        if (!mark || mark == rest || mark - rest > 64)
                return wire_why(ret_why, -EOPNOTSUPP, "%s.image_url.url: \"data:TYPE;base64,...\" is expected", where);
        type = json_object_new_string_len(rest, (int) (mark - rest));
        data = json_object_new_string(mark + strlen(";base64,"));
        return type && data ? wire_message_image(message, type, data) : -ENOMEM;
}

static int read_content(WireChat *chat, WireMessage *message, json_object *content, size_t i, char **ret_why) {
        int r = 0;

        if (!json_object_is_type(content, json_type_array))
                return wire_message_text(message, content);
        for (size_t k = 0; r >= 0 && k < wire_length(content); k++) {
                json_object *part = json_object_array_get_idx(content, k);
                const char *type = strempty(wire_string(part, "type"));
                char where[64];

                (void) snprintf(where, sizeof(where), "messages[%zu].content[%zu]", i, k);
                if (streq(type, "text") || streq(type, "refusal"))
                        r = wire_message_text(message, wire_text(part, type));
                else if (streq(type, "image_url"))
                        r = read_image(chat, message, part, where, ret_why);
                else
                        r = wire_cannot(chat, ret_why, "%s.%s", where, type);
        }
        return r;
}

int openai_read_call(WireMessage *message, json_object *call, json_object *id) {
        json_object *function = wire_object(call, "function");
        json_object *google = wire_object(wire_object(call, "extra_content"), "google");

        if (!wire_text(function, "name"))
                return -EBADMSG;
        return wire_message_call(message, id, wire_text(function, "name"), wire_field(function, "arguments"),
                                 wire_text(google, "thought_signature"));
}

static int read_calls(WireMessage *message, json_object *calls, size_t i, char **ret_why) {
        if (wire_length(calls) > WIRE_CALLS_MAX)
                return wire_why(ret_why, -EOPNOTSUPP, "messages[%zu].tool_calls: more than %d", i, WIRE_CALLS_MAX);
        for (size_t k = 0; k < wire_length(calls); k++) {
                json_object *call = json_object_array_get_idx(calls, k);
                int r = openai_read_call(message, call, wire_text(call, "id"));

                if (r == -EBADMSG)
                        return wire_why(ret_why, -EOPNOTSUPP, "messages[%zu].tool_calls[%zu].function.name: is missing", i, k);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_result(WireChat *chat, json_object *json, size_t i, char **ret_why) {
        WireMessage *message = wire_chat_message(chat, WIRE_USER);
        json_object *text;
        char where[40];
        int r;

        (void) snprintf(where, sizeof(where), "messages[%zu].content", i);
        r = message ? wire_joined_blocks(chat, wire_field(json, "content"), where, &text, ret_why) : -ENOMEM;
        return r < 0 ? r : wire_chat_result(chat, message, wire_text(json, "tool_call_id"), text, false);
}

static int read_message(WireChat *chat, json_object *json, size_t i, char **ret_why) {
        const char *role = strempty(wire_string(json, "role"));
        WireMessage *message;
        char where[40];
        int r;

        if (streq(role, "tool"))
                return read_result(chat, json, i, ret_why);
        (void) snprintf(where, sizeof(where), "messages[%zu].", i);
        r = wire_check_fields(chat, json, known_of_messages, where, ret_why);
        if (r < 0)
                return r;
        if (streq(role, "system") || streq(role, "developer"))
                message = wire_chat_message(chat, WIRE_SYSTEM);
        else if (streq(role, "user") || streq(role, "assistant"))
                message = wire_chat_message(chat, *role == 'u' ? WIRE_USER : WIRE_ASSISTANT);
        else
                return wire_cannot(chat, ret_why, "%srole", where);
        r = message ? read_content(chat, message, wire_field(json, "content"), i, ret_why) : -ENOMEM;
        if (r >= 0)
                r = wire_message_text(message, wire_text(json, "refusal"));
        return r < 0 ? r : read_calls(message, wire_array(json, "tool_calls"), i, ret_why);
}

int openai_read_tools(WireChat *chat, json_object *tools, char **ret_why) {
        for (size_t i = 0; i < wire_length(tools); i++) {
                json_object *json = json_object_array_get_idx(tools, i), *function = wire_object(json, "function");
                WireTool *tool;

                if (!wire_is(json, "type", "function") || !wire_text(function, "name"))
                        return wire_why(ret_why, -EOPNOTSUPP, "tools[%zu]: of tools, only functions with a name can be told to %s",
                                        i, chat->to->vendor);
                tool = wire_chat_tool(chat);
                if (!tool)
                        return -ENOMEM;
                tool->name = wire_text(function, "name");
                tool->description = wire_text(function, "description");
                tool->parameters = wire_object(function, "parameters");
        }
        return 0;
}

static int read_tool_choice(WireChat *chat, json_object *choice, char **ret_why) {
        const char *word = json_object_is_type(choice, json_type_string) ? json_object_get_string(choice) : NULL;

        if (!choice)
                return 0;
        chat->choice_name = wire_text(wire_object(choice, "function"), "name");
        if (chat->choice_name && wire_is(choice, "type", "function"))
                chat->choice = WIRE_CHOICE_NAMED;
        else if (word && streq(word, "auto"))
                chat->choice = WIRE_CHOICE_AUTO;
        else if (word && streq(word, "none"))
                chat->choice = WIRE_CHOICE_NONE;
        else if (word && streq(word, "required"))
                chat->choice = WIRE_CHOICE_REQUIRED;
        else
                return wire_cannot(chat, ret_why, "tool_choice");
        return 0;
}

static int read_format(WireChat *chat, json_object *format, char **ret_why) {
        json_object *schema = wire_object(format, "json_schema");

        if (!format || wire_is(format, "type", "text"))
                return 0;
        if (!wire_is(format, "type", "json_object") && !wire_is(format, "type", "json_schema"))
                return wire_cannot(chat, ret_why, "response_format");
        chat->json = true;
        chat->schema = wire_object(schema, "schema");
        chat->schema_name = wire_text(schema, "name");
        return 0;
}

/* Fields of which only one value says what is understood anyway. */
static int read_fixed(const WireChat *chat, json_object *body, char **ret_why) {
        json_object *n = wire_field(body, "n"), *modalities = wire_array(body, "modalities");

        if (n && json_object_get_int64(n) != 1)
                return wire_cannot(chat, ret_why, "n");
        for (size_t i = 0; i < wire_length(modalities); i++)
                if (!streq(strempty(json_object_get_string(json_object_array_get_idx(modalities, i))), "text"))
                        return wire_cannot(chat, ret_why, "modalities");
        return 0;
}

static int read_numbers(WireChat *chat, json_object *body) {
        WireAsk ask = { .max_tokens = -1 };
        _cleanup_(freep) char *why = NULL; /* wire_ask() has said it */

        chat->temperature = wire_field(body, "temperature");
        chat->top_p = wire_field(body, "top_p");
        chat->top_k = wire_field(body, "top_k");
        chat->seed = wire_field(body, "seed");
        chat->frequency_penalty = wire_field(body, "frequency_penalty");
        chat->presence_penalty = wire_field(body, "presence_penalty");
        (void) wire_ask_max_tokens(body, "max_tokens", &ask, &why);
        if (!why)
                (void) wire_ask_max_tokens(body, "max_completion_tokens", &ask, &why);
        chat->max_tokens = ask.max_tokens;
        return wire_read_stop(chat, wire_field(body, "stop"));
}

int openai_read_request(json_object *body, WireChat *chat, char **ret_why) {
        json_object *messages = wire_array(body, "messages"), *parallel = wire_field(body, "parallel_tool_calls");
        int r;

        r = wire_check_fields(chat, body, known, "", ret_why);
        if (r >= 0)
                r = read_fixed(chat, body, ret_why);
        for (size_t i = 0; r >= 0 && i < wire_length(messages); i++)
                r = read_message(chat, json_object_array_get_idx(messages, i), i, ret_why);
        if (r >= 0)
                r = openai_read_tools(chat, wire_array(body, "tools"), ret_why);
        if (r >= 0)
                r = read_tool_choice(chat, wire_field(body, "tool_choice"), ret_why);
        if (r >= 0)
                r = read_format(chat, wire_field(body, "response_format"), ret_why);
        if (r < 0)
                return r;
        chat->stream = wire_true(body, "stream");
        chat->one_call = json_object_is_type(parallel, json_type_boolean) && !json_object_get_boolean(parallel);
        chat->user = wire_text(body, "user");
        if (wire_string(body, "reasoning_effort"))
                chat->effort = openai_effort(wire_string(body, "reasoning_effort"));
        return read_numbers(chat, body);
}
