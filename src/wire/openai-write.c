/* SPDX-License-Identifier: MIT */
#include "wire/openai.h"

const char *openai_effort_name(WireEffort effort) {
        switch (effort) {
        case WIRE_EFFORT_OFF:
                return "none";
        case WIRE_EFFORT_LOW:
                return "low";
        case WIRE_EFFORT_HIGH:
                return "high";
        default:
                return "medium";
        }
}

json_object *openai_call(const WirePart *part, bool text) {
        json_object *call = json_object_new_object(), *function = json_object_new_object(), *arguments = NULL;

        if (text)
                arguments = wire_part_arguments_text(part);
        else if (wire_part_arguments(part, &arguments) < 0)
                arguments = NULL;
        if (text && part->id)
                wire_set_ref(&call, "id", part->id);
        if (text)
                wire_set_string(&call, "type", "function");
        wire_set_ref(&function, "name", part->name);
        wire_set(&function, "arguments", arguments);
        wire_set(&call, "function", function);
        if (text && part->signature) {
                json_object *google = json_object_new_object(), *extra = json_object_new_object();

                wire_set_ref(&google, "thought_signature", part->signature);
                wire_set(&extra, "google", google);
                wire_set(&call, "extra_content", extra);
        }
        return call;
}

static json_object *image_part(const WirePart *part) {
        json_object *json = json_object_new_object(), *image = json_object_new_object();

        if (part->type) {
                _cleanup_(freep) char *url = str_printf("data:%s;base64,%s", json_object_get_string(part->type),
                                                        json_object_get_string(part->text));

                wire_set(&image, "url", url ? json_object_new_string(url) : NULL);
        } else
                wire_set_ref(&image, "url", part->text);
        wire_set_string(&json, "type", "image_url");
        wire_set(&json, "image_url", image);
        return json;
}

static json_object *content_parts(const WireMessage *message) {
        json_object *parts = json_object_new_array();

        for (size_t i = 0; i < message->n_parts; i++) {
                const WirePart *part = message->parts + i;

                if (part->kind == WIRE_PART_IMAGE)
                        wire_push(&parts, image_part(part));
                else if (part->kind == WIRE_PART_TEXT) {
                        json_object *json = json_object_new_object();

                        wire_set_string(&json, "type", "text");
                        wire_set_ref(&json, "text", part->text);
                        wire_push(&parts, json);
                }
        }
        return parts;
}

/* Text is a string where it can be: not all that speaks OpenAI's format takes an array. */
static json_object *write_message(const WireMessage *message) {
        static const char *const roles[] = { "system", "user", "assistant" };
        json_object *json = json_object_new_object(), *calls = NULL;

        wire_set_string(&json, "role", roles[message->role]);
        if (wire_message_has(message, WIRE_PART_IMAGE))
                wire_set(&json, "content", content_parts(message));
        else if (wire_message_has(message, WIRE_PART_TEXT) || !wire_message_has(message, WIRE_PART_CALL))
                wire_set(&json, "content", wire_message_joined(message, WIRE_PART_TEXT, "\n"));
        else
                wire_set_null(&json, "content");
        if (wire_message_has(message, WIRE_PART_CALL)) {
                calls = json_object_new_array();
                for (size_t i = 0; i < message->n_parts; i++)
                        if (message->parts[i].kind == WIRE_PART_CALL)
                                wire_push(&calls, openai_call(message->parts + i, true));
                wire_set(&json, "tool_calls", calls);
        }
        return json;
}

/* That it failed has no field of its own, so it is said in the text. */
json_object *openai_result_text(const WirePart *part) {
        _cleanup_(freep) char *text = NULL;

        if (!part->failed)
                return json_object_get(part->text);
        text = str_printf("Error: %s", part->text ? json_object_get_string(part->text) : "");
        return text ? json_object_new_string(text) : NULL;
}

static json_object *write_messages(const WireChat *chat) {
        json_object *messages = json_object_new_array();

        for (size_t i = 0; i < chat->n_messages; i++) {
                const WireMessage *message = chat->messages + i;
                size_t results = 0;

                for (size_t k = 0; k < message->n_parts; k++)
                        if (message->parts[k].kind == WIRE_PART_RESULT) {
                                json_object *json = json_object_new_object();

                                wire_set_string(&json, "role", "tool");
                                wire_set_ref(&json, "tool_call_id", message->parts[k].id);
                                wire_set(&json, "content", openai_result_text(message->parts + k));
                                wire_push(&messages, json);
                                results++;
                        }
                if (results < message->n_parts || message->n_parts == 0)
                        wire_push(&messages, write_message(message));
        }
        return messages;
}

json_object *openai_tools(const WireChat *chat) {
        json_object *tools = json_object_new_array();

        for (size_t i = 0; i < chat->n_tools; i++) {
                json_object *tool = json_object_new_object(), *function = json_object_new_object();

                wire_set_ref(&function, "name", chat->tools[i].name);
                wire_set_ref(&function, "description", chat->tools[i].description);
                wire_set_ref(&function, "parameters", chat->tools[i].parameters);
                wire_set_string(&tool, "type", "function");
                wire_set(&tool, "function", function);
                wire_push(&tools, tool);
        }
        return tools;
}

static void write_tool_choice(const WireChat *chat, json_object **json) {
        static const char *const words[] = { NULL, "auto", "none", "required" };
        json_object *choice, *function;

        if (chat->choice == WIRE_CHOICE_UNSET)
                return;
        if (chat->choice != WIRE_CHOICE_NAMED) {
                wire_set_string(json, "tool_choice", words[chat->choice]);
                return;
        }
        choice = json_object_new_object();
        function = json_object_new_object();
        wire_set_ref(&function, "name", chat->choice_name);
        wire_set_string(&choice, "type", "function");
        wire_set(&choice, "function", function);
        wire_set(json, "tool_choice", choice);
}

static json_object *write_format(const WireChat *chat) {
        json_object *format = json_object_new_object(), *schema;

        wire_set_string(&format, "type", chat->schema ? "json_schema" : "json_object");
        if (chat->schema) {
                schema = json_object_new_object();
                if (chat->schema_name)
                        wire_set_ref(&schema, "name", chat->schema_name);
                else
                        wire_set_string(&schema, "name", "answer"); /* it has to have one */
                wire_set_ref(&schema, "schema", chat->schema);
                wire_set(&format, "json_schema", schema);
        }
        return format;
}

/* OpenAI's reasoning models refuse max_tokens; much that speaks its format knows nothing else. */
static const char *max_tokens_key(const WireChat *chat) {
        const char *model = strempty(chat->model);
        bool reasoning = (model[0] == 'o' && model[1] >= '0' && model[1] <= '9') || startswith(model, "gpt-5");

        return reasoning || chat->effort > WIRE_EFFORT_OFF ? "max_completion_tokens" : "max_tokens";
}

static void write_options(const WireChat *chat, json_object **json) {
        wire_set_ref(json, "temperature", chat->temperature);
        wire_set_ref(json, "top_p", chat->top_p);
        wire_set_ref(json, "seed", chat->seed);
        wire_set_ref(json, "frequency_penalty", chat->frequency_penalty);
        wire_set_ref(json, "presence_penalty", chat->presence_penalty);
        wire_set_ref(json, "stop", chat->stop);
        wire_set_ref(json, "user", chat->user);
        if (chat->max_tokens > 0)
                wire_set_int(json, max_tokens_key(chat), chat->max_tokens);
        if (chat->json)
                wire_set(json, "response_format", write_format(chat));
        if (chat->effort != WIRE_EFFORT_UNSET)
                wire_set_string(json, "reasoning_effort", openai_effort_name(chat->effort));
}

int openai_write_request(const WireChat *chat, json_object **ret, char **ret_why) {
        json_object *json, *options;

        if (chat->top_k)
                return wire_cannot(chat, ret_why, "top_k");
        json = json_object_new_object();
        wire_set_string(&json, "model", chat->model);
        wire_set(&json, "messages", write_messages(chat));
        if (chat->n_tools > 0) {
                wire_set(&json, "tools", openai_tools(chat));
                write_tool_choice(chat, &json);
                if (chat->one_call)
                        wire_set_bool(&json, "parallel_tool_calls", false);
        }
        write_options(chat, &json);
        if (chat->stream) {
                options = json_object_new_object();
                wire_set_bool(&options, "include_usage", true);
                wire_set_bool(&json, "stream", true);
                wire_set(&json, "stream_options", options);
        }
        if (!json)
                return -ENOMEM;
        *ret = json;
        return 0;
}
