/* SPDX-License-Identifier: MIT */
#include "wire/ollama.h"
#include "wire/openai.h"

static const char *const known[] = {
        "model", "messages", "stream", "tools", "format", "options", "think", "keep_alive", "truncate", "shift", NULL,
};
/* The second lot says how the model is loaded and run, not what it answers. */
static const char *const known_options[] = {
        "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "num_predict", "stop",
        "num_ctx", "num_keep", "num_gpu", "main_gpu", "num_thread", "num_batch", "use_mmap", "use_mlock", "low_vram", "numa",
        "f16_kv", NULL,
};
static const char *const known_of_messages[] = {
        "role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking", NULL,
};

int ollama_ask(json_object *body, WireAsk *ask, char **ret_why) {
        json_object *messages = wire_array(body, "messages"), *options = wire_field(body, "options"), *limit;
        json_object *format = wire_field(body, "format"), *think = wire_field(body, "think");

        for (size_t i = 0; i < wire_length(messages); i++) {
                json_object *message = json_object_array_get_idx(messages, i), *content = wire_field(message, "content");

                if (content && !json_object_is_type(content, json_type_string))
                        return wire_why(ret_why, -EBADMSG, "messages[%zu].content: a string is expected", i);
                ask->prompt_bytes += wire_ask_text(content) + WIRE_ASK_FRAME + wire_ask_text(wire_text(message, "thinking"));
                ask->prompt_bytes += wire_ask_text(wire_array(message, "tool_calls"));
                ask->n_images += wire_length(wire_array(message, "images"));
        }
        if (options && !json_object_is_type(options, json_type_object))
                return wire_why(ret_why, -EBADMSG, "options: an object is expected");
        limit = wire_field(options, "num_predict");
        if (limit && !json_object_is_type(limit, json_type_int))
                return wire_why(ret_why, -EBADMSG, "options.num_predict: a whole number is expected");
        if (wire_count(options, "num_predict") > 0) /* below, it is no limit */
                ask->max_tokens = wire_count(options, "num_predict");
        ask->vision = ask->n_images > 0;
        ask->json = json_object_is_type(format, json_type_object) || wire_ask_text(wire_text(body, "format")) > 0;
        if (ask->json)
                ask->prompt_bytes += wire_ask_text(format);
        ask->reasoning = wire_true(body, "think") || json_object_is_type(think, json_type_string);
        return 0;
}

/* Ollama says no type, so it is what the first bytes are. */
static const char *image_type(const char *base64) {
        static const char *const starts[][2] = {
                { "iVBORw0KGgo", "image/png" },
                { "/9j/", "image/jpeg" },
                { "R0lGOD", "image/gif" },
                { "UklGR", "image/webp" },
        };

        for (size_t i = 0; i < ELEMENTSOF(starts); i++)
                if (startswith(base64, starts[i][0]))
                        return starts[i][1];
        return NULL;
}

static int read_images(WireChat *chat, WireMessage *message, json_object *images, size_t i, char **ret_why) {
        for (size_t k = 0; k < wire_length(images); k++) {
                _cleanup_(json_object_putp) json_object *type = NULL;
                json_object *image = json_object_array_get_idx(images, k);
                const char *name = NULL;
                int r;

                if (json_object_is_type(image, json_type_string))
                        name = image_type(json_object_get_string(image));
                if (!name)
                        return wire_cannot(chat, ret_why, "messages[%zu].images[%zu] (no PNG, JPEG, GIF or WebP)", i, k);
                type = json_object_new_string(name);
                r = type ? wire_message_image(message, type, image) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What is known of calls while reading: theirs have no ids, so they are numbered, and results belong to them in order. */
typedef struct Calls {
        unsigned n;
        bool answered[WIRE_CALLS_MAX]; /* of the last message with calls, by part */
} Calls;

static int read_calls(WireMessage *message, json_object *json, Calls *calls, size_t i, char **ret_why) {
        if (message->n_parts + wire_length(json) > WIRE_CALLS_MAX)
                return wire_why(ret_why, -EOPNOTSUPP, "messages[%zu].tool_calls: more than %d", i, WIRE_CALLS_MAX);
        if (wire_length(json) > 0)
                *calls = (Calls) { .n = calls->n };
        for (size_t k = 0; k < wire_length(json); k++) {
                json_object *call = json_object_array_get_idx(json, k), *given = wire_text(call, "id");
                _cleanup_(json_object_putp) json_object *id = NULL;
                char text[32];
                int r;

                (void) snprintf(text, sizeof(text), "call_%u", calls->n++);
                id = given ? json_object_get(given) : json_object_new_string(text);
                r = id ? openai_read_call(message, call, id) : -ENOMEM;
                if (r == -EBADMSG)
                        return wire_why(ret_why, -EOPNOTSUPP, "messages[%zu].tool_calls[%zu].function.name: is missing", i, k);
                if (r < 0)
                        return r;
        }
        return 0;
}

static json_object *answered_id(WireChat *chat, json_object *json, Calls *calls) {
        const WireMessage *caller = wire_chat_caller(chat);
        json_object *name = wire_text(json, "tool_name");

        if (wire_text(json, "tool_call_id"))
                return wire_text(json, "tool_call_id");
        for (size_t k = 0; caller && k < caller->n_parts; k++) {
                const WirePart *part = caller->parts + k;

                if (part->kind != WIRE_PART_CALL || calls->answered[k] || (name && !json_object_equal(part->name, name)))
                        continue;
                calls->answered[k] = true;
                return part->id;
        }
        return NULL;
}

static int read_result(WireChat *chat, json_object *json, Calls *calls, size_t i, char **ret_why) {
        json_object *id = answered_id(chat, json, calls), *content = wire_text(json, "content");
        WireMessage *message;

        if (!id)
                return wire_why(ret_why, -EOPNOTSUPP, "messages[%zu]: the result of a call that was not made", i);
        message = wire_chat_message(chat, WIRE_USER);
        if (!message)
                return -ENOMEM;
        return wire_chat_result(chat, message, id, content ? json_object_get(content) : json_object_new_string(""), false);
}

static int read_message(WireChat *chat, json_object *json, Calls *calls, size_t i, char **ret_why) {
        const char *role = strempty(wire_string(json, "role"));
        WireMessage *message;
        char where[40];
        int r;

        (void) snprintf(where, sizeof(where), "messages[%zu].", i);
        r = wire_check_fields(chat, json, known_of_messages, where, ret_why);
        if (r < 0)
                return r;
        if (streq(role, "tool"))
                return read_result(chat, json, calls, i, ret_why);
        if (!streq(role, "system") && !streq(role, "user") && !streq(role, "assistant"))
                return wire_cannot(chat, ret_why, "%srole", where);
        message = wire_chat_message(chat, *role == 's' ? WIRE_SYSTEM : *role == 'u' ? WIRE_USER : WIRE_ASSISTANT);
        r = message ? read_images(chat, message, wire_array(json, "images"), i, ret_why) : -ENOMEM;
        if (r >= 0 && wire_ask_text(wire_text(json, "content")) > 0) /* "" beside calls is none */
                r = wire_message_text(message, wire_text(json, "content"));
        return r < 0 ? r : read_calls(message, wire_array(json, "tool_calls"), calls, i, ret_why);
}

static int read_options(WireChat *chat, json_object *options, char **ret_why) {
        int r = 0;

        if (options)
                r = wire_check_fields(chat, options, known_options, "options.", ret_why);
        if (r < 0)
                return r;
        chat->temperature = wire_field(options, "temperature");
        chat->top_p = wire_field(options, "top_p");
        chat->top_k = wire_field(options, "top_k");
        chat->seed = wire_field(options, "seed");
        chat->frequency_penalty = wire_field(options, "frequency_penalty");
        chat->presence_penalty = wire_field(options, "presence_penalty");
        if (wire_count(options, "num_predict") > 0)
                chat->max_tokens = wire_count(options, "num_predict");
        return wire_read_stop(chat, wire_field(options, "stop"));
}

static int read_format(WireChat *chat, json_object *body, char **ret_why) {
        json_object *format = wire_field(body, "format"), *think = wire_field(body, "think");

        if (json_object_is_type(format, json_type_object))
                chat->schema = format;
        else if (format && wire_ask_text(format) > 0 && !wire_is(body, "format", "json"))
                return wire_cannot(chat, ret_why, "format");
        chat->json = chat->schema || wire_is(body, "format", "json");
        if (json_object_is_type(think, json_type_boolean))
                chat->effort = json_object_get_boolean(think) ? WIRE_EFFORT_ON : WIRE_EFFORT_OFF;
        else if (json_object_is_type(think, json_type_string))
                chat->effort = openai_effort(json_object_get_string(think));
        return 0;
}

int ollama_read_request(json_object *body, WireChat *chat, char **ret_why) {
        json_object *messages = wire_array(body, "messages"), *stream = wire_field(body, "stream");
        Calls calls = {};
        int r;

        r = wire_check_fields(chat, body, known, "", ret_why);
        for (size_t i = 0; r >= 0 && i < wire_length(messages); i++)
                r = read_message(chat, json_object_array_get_idx(messages, i), &calls, i, ret_why);
        if (r >= 0)
                r = openai_read_tools(chat, wire_array(body, "tools"), ret_why);
        if (r >= 0)
                r = read_format(chat, body, ret_why);
        if (r >= 0)
                r = read_options(chat, wire_field(body, "options"), ret_why);
        chat->stream = !stream || json_object_get_boolean(stream);
        return r;
}
