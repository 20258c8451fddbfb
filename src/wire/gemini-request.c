/* SPDX-License-Identifier: MIT */
#include "wire/gemini.h"

/* Gemini 3 refuses a call without the signature that came with it. Clients of other formats have no place to keep one, nor has
 * a call that another model made; this is Google's own word for "there is none". */
#define NO_SIGNATURE "skip_thought_signature_validator"

static json_object *named(const char *key, json_object *value) {
        json_object *object = json_object_new_object();

        wire_set(&object, key, value);
        return object;
}

static json_object *text_part(json_object *text) {
        return named("text", json_object_get(text));
}

static json_object *image_part(const WirePart *part) {
        json_object *data = json_object_new_object();

        wire_set_ref(&data, "mimeType", part->type);
        wire_set_ref(&data, "data", part->text);
        return named("inlineData", data);
}

static json_object *call_part(const WirePart *part, bool sign) {
        json_object *call = json_object_new_object(), *json;

        wire_set_ref(&call, "name", part->name);
        wire_set_ref(&call, "args", part->arguments);
        json = named("functionCall", call);
        if (part->signature)
                wire_set_ref(&json, "thoughtSignature", part->signature);
        else if (sign)
                wire_set_string(&json, "thoughtSignature", NO_SIGNATURE);
        return json;
}

static json_object *result_part(const WirePart *part) {
        json_object *result = json_object_new_object();

        wire_set_ref(&result, "name", part->name);
        wire_set(&result, "response", named(part->failed ? "error" : "output", json_object_get(part->text)));
        return named("functionResponse", result);
}

static void add_parts(const WireChat *chat, json_object **parts, const WireMessage *message) {
        bool sign = startswith(strempty(chat->model), "gemini-3");

        for (size_t i = 0; i < message->n_parts; i++) {
                const WirePart *part = message->parts + i;

                if (part->kind == WIRE_PART_IMAGE)
                        wire_push(parts, image_part(part));
                else if (part->kind == WIRE_PART_RESULT)
                        wire_push(parts, result_part(part));
                else if (part->kind == WIRE_PART_CALL) {
                        wire_push(parts, call_part(part, sign));
                        sign = false; /* of parallel calls the first one has it */
                } else if (part->text && json_object_get_string_len(part->text) > 0)
                        wire_push(parts, text_part(part->text));
        }
}

static int check_parts(const WireChat *chat, char **ret_why) {
        for (size_t i = 0; i < chat->n_messages; i++)
                for (size_t k = 0; k < chat->messages[i].n_parts; k++) {
                        const WirePart *part = chat->messages[i].parts + k;

                        if (part->kind == WIRE_PART_IMAGE && !part->type)
                                return wire_cannot(chat, ret_why, "messages: an image by its address");
                        if (part->kind == WIRE_PART_RESULT && !part->name)
                                return wire_why(ret_why, -EOPNOTSUPP, "messages: the result of a call that was not made");
                }
        return wire_check_order(chat, ret_why);
}

static void write_contents(const WireChat *chat, json_object **json) {
        json_object *contents = json_object_new_array(), *system = json_object_new_array();
        size_t i;

        for (i = 0; i < chat->n_messages && chat->messages[i].role == WIRE_SYSTEM; i++)
                add_parts(chat, &system, chat->messages + i);
        if (system && wire_length(system) == 0)
                (void) json_object_put(system);
        else
                wire_set(json, "systemInstruction", named("parts", system));
        while (i < chat->n_messages) {
                WireRole role = chat->messages[i].role;
                json_object *content = json_object_new_object(), *parts = json_object_new_array();

                for (; i < chat->n_messages && chat->messages[i].role == role; i++)
                        add_parts(chat, &parts, chat->messages + i);
                wire_set_string(&content, "role", role == WIRE_USER ? "user" : "model");
                if (parts && wire_length(parts) == 0) {
                        (void) json_object_put(content);
                        (void) json_object_put(parts);
                        continue;
                }
                wire_set(&content, "parts", parts);
                wire_push(&contents, content);
        }
        wire_set(json, "contents", contents);
}

static void write_tools(const WireChat *chat, json_object **json) {
        static const char *const modes[] = { NULL, "AUTO", "NONE", "ANY", "ANY" };
        json_object *functions = json_object_new_array(), *tools = json_object_new_array(), *config, *names;

        if (chat->n_tools == 0) {
                (void) json_object_put(functions);
                (void) json_object_put(tools);
                return;
        }
        for (size_t i = 0; i < chat->n_tools; i++) {
                json_object *function = json_object_new_object();

                wire_set_ref(&function, "name", chat->tools[i].name);
                wire_set_ref(&function, "description", chat->tools[i].description);
                wire_set_ref(&function, "parametersJsonSchema", chat->tools[i].parameters);
                wire_push(&functions, function);
        }
        wire_push(&tools, named("functionDeclarations", functions));
        wire_set(json, "tools", tools);
        if (chat->choice == WIRE_CHOICE_UNSET)
                return;
        config = json_object_new_object();
        wire_set_string(&config, "mode", modes[chat->choice]);
        if (chat->choice == WIRE_CHOICE_NAMED) {
                names = json_object_new_array();
                wire_push(&names, json_object_get(chat->choice_name));
                wire_set(&config, "allowedFunctionNames", names);
        }
        wire_set(json, "toolConfig", named("functionCallingConfig", config));
}

static json_object *write_thinking(const WireChat *chat) {
        json_object *thinking = json_object_new_object();
        int64_t tokens = chat->thinking_tokens > 0 ? chat->thinking_tokens : wire_effort_tokens(chat->effort);

        if (chat->effort == WIRE_EFFORT_ON) /* -1: as the model thinks right */
                tokens = -1;
        wire_set_int(&thinking, "thinkingBudget", chat->effort == WIRE_EFFORT_OFF ? 0 : tokens);
        if (chat->effort != WIRE_EFFORT_OFF)
                wire_set_bool(&thinking, "includeThoughts", true);
        return thinking;
}

static void write_config(const WireChat *chat, json_object **json) {
        json_object *config = json_object_new_object();

        wire_set_ref(&config, "temperature", chat->temperature);
        wire_set_ref(&config, "topP", chat->top_p);
        wire_set_ref(&config, "topK", chat->top_k);
        wire_set_ref(&config, "seed", chat->seed);
        wire_set_ref(&config, "frequencyPenalty", chat->frequency_penalty);
        wire_set_ref(&config, "presencePenalty", chat->presence_penalty);
        wire_set_ref(&config, "stopSequences", chat->stop);
        if (chat->max_tokens > 0)
                wire_set_int(&config, "maxOutputTokens", chat->max_tokens);
        if (chat->json)
                wire_set_string(&config, "responseMimeType", "application/json");
        wire_set_ref(&config, "responseJsonSchema", chat->schema);
        if (chat->effort != WIRE_EFFORT_UNSET)
                wire_set(&config, "thinkingConfig", write_thinking(chat));
        if (config && json_object_object_length(config) == 0)
                (void) json_object_put(config);
        else
                wire_set(json, "generationConfig", config);
}

int gemini_write_request(const WireChat *chat, json_object **ret, char **ret_why) {
        json_object *json;
        int r;

        if (chat->one_call && chat->n_tools > 0 && chat->choice != WIRE_CHOICE_NONE)
                return wire_cannot(chat, ret_why, "parallel_tool_calls");
        r = check_parts(chat, ret_why);
        if (r < 0)
                return r;
        json = json_object_new_object();
        write_contents(chat, &json);
        write_tools(chat, &json);
        write_config(chat, &json);
        if (!json)
                return -ENOMEM;
        *ret = json;
        return 0;
}
