/* SPDX-License-Identifier: MIT */
#include "wire/openai.h"

static int ask_part(json_object *part, size_t i, size_t k, WireAsk *ask, char **ret_why) {
        const char *type = wire_string(part, "type");

        if (!type)
                return wire_why(ret_why, -EBADMSG, "messages[%zu].content[%zu].type: a string is expected", i, k);
        if (streq(type, "image_url")) {
                if (!wire_field(part, "image_url"))
                        return wire_why(ret_why, -EBADMSG, "messages[%zu].content[%zu].image_url: is missing", i, k);
                ask->vision = true;
                ask->n_images++;
        } else
                ask->prompt_bytes += wire_ask_text(wire_text(part, streq(type, "refusal") ? "refusal" : "text"));
        return 0;
}

static int ask_message(json_object *message, size_t i, WireAsk *ask, char **ret_why) {
        json_object *content = wire_field(message, "content");
        int r;

        if (content && !json_object_is_type(content, json_type_string) && !json_object_is_type(content, json_type_array))
                return wire_why(ret_why, -EBADMSG, "messages[%zu].content: a string or an array is expected", i);
        if (json_object_is_type(content, json_type_string))
                ask->prompt_bytes += wire_ask_text(content);
        else
                for (size_t k = 0; k < wire_length(content); k++) {
                        r = ask_part(json_object_array_get_idx(content, k), i, k, ask, ret_why);
                        if (r < 0)
                                return r;
                }
        ask->prompt_bytes += wire_ask_text(wire_array(message, "tool_calls"));
        ask->prompt_bytes += wire_ask_text(wire_text(message, "reasoning_content"));
        ask->prompt_bytes += WIRE_ASK_FRAME;
        return 0;
}

int openai_ask(json_object *body, WireAsk *ask, char **ret_why) {
        json_object *messages = wire_array(body, "messages"), *format = wire_field(body, "response_format"), *n;
        const char *effort;
        int r;

        r = wire_ask_max_tokens(body, "max_tokens", ask, ret_why);
        if (r >= 0)
                r = wire_ask_max_tokens(body, "max_completion_tokens", ask, ret_why);
        for (size_t i = 0; r >= 0 && i < wire_length(messages); i++)
                r = ask_message(json_object_array_get_idx(messages, i), i, ask, ret_why);
        if (r < 0)
                return r;
        n = wire_field(body, "n");
        if (n && (!json_object_is_type(n, json_type_int) || json_object_get_int64(n) < 1 || json_object_get_int64(n) > 128))
                return wire_why(ret_why, -EBADMSG, "n: a whole number from 1 to 128 is expected");
        if (n)
                ask->choices = (unsigned) json_object_get_int64(n);
        if (wire_length(wire_array(body, "functions")) > 0) {
                ask->tools = true;
                ask->prompt_bytes += wire_ask_text(wire_array(body, "functions"));
        }
        ask->json = wire_is(format, "type", "json_object") || wire_is(format, "type", "json_schema");
        if (ask->json)
                ask->prompt_bytes += wire_ask_text(format);
        effort = wire_string(body, "reasoning_effort");
        ask->reasoning = effort && !streq(effort, "none");
        ask->user = wire_string(body, "user");
        return 0;
}

int openai_pass_request(json_object **body, int64_t max_tokens, char **ret_why) {
        json_object *given = wire_object(*body, "stream_options"), *options;

        if (!wire_true(*body, "stream"))
                return 0;
        options = given ? wire_shallow_copy(given) : json_object_new_object();
        wire_set_bool(&options, "include_usage", true);
        wire_set(body, "stream_options", options);
        return *body ? 0 : -ENOMEM;
}
