/* SPDX-License-Identifier: MIT */
#include "wire/anthropic.h"

static int ask_blocks(json_object *blocks, const char *where, WireAsk *ask, char **ret_why);

static int ask_block(json_object *block, const char *where, size_t k, WireAsk *ask, char **ret_why) {
        const char *type = wire_string(block, "type");
        json_object *content = wire_field(block, "content");

        if (!type)
                return wire_why(ret_why, -EBADMSG, "%s[%zu].type: a string is expected", where, k);
        if (streq(type, "image")) {
                if (!wire_object(block, "source"))
                        return wire_why(ret_why, -EBADMSG, "%s[%zu].source: an object is expected", where, k);
                ask->vision = true;
                ask->n_images++;
                return 0;
        }
        if (streq(type, "tool_result") && json_object_is_type(content, json_type_array))
                return ask_blocks(content, "tool_result.content", ask, ret_why);
        if (streq(type, "tool_result"))
                ask->prompt_bytes += wire_ask_text(content);
        else if (streq(type, "text"))
                ask->prompt_bytes += wire_ask_text(wire_text(block, "text"));
        else /* calls, thinking, documents: no more than what it is sent as */
                ask->prompt_bytes += wire_ask_text(block);
        return 0;
}

static int ask_blocks(json_object *blocks, const char *where, WireAsk *ask, char **ret_why) {
        int r = 0;

        if (json_object_is_type(blocks, json_type_string))
                ask->prompt_bytes += wire_ask_text(blocks);
        else if (!json_object_is_type(blocks, json_type_array))
                return wire_why(ret_why, -EBADMSG, "%s: a string or an array is expected", where);
        else
                for (size_t k = 0; r >= 0 && k < wire_length(blocks); k++)
                        r = ask_block(json_object_array_get_idx(blocks, k), where, k, ask, ret_why);
        return r;
}

int anthropic_ask(json_object *body, WireAsk *ask, char **ret_why) {
        json_object *messages = wire_array(body, "messages"), *system = wire_field(body, "system");
        json_object *thinking = wire_field(body, "thinking");
        int r;

        r = wire_ask_max_tokens(body, "max_tokens", ask, ret_why);
        if (r >= 0 && system)
                r = ask_blocks(system, "system", ask, ret_why);
        for (size_t i = 0; r >= 0 && i < wire_length(messages); i++) {
                char where[40];

                (void) snprintf(where, sizeof(where), "messages[%zu].content", i);
                r = ask_blocks(wire_field(json_object_array_get_idx(messages, i), "content"), where, ask, ret_why);
                ask->prompt_bytes += WIRE_ASK_FRAME;
        }
        if (r < 0)
                return r;
        ask->json = wire_field(wire_field(body, "output_config"), "format");
        if (ask->json)
                ask->prompt_bytes += wire_ask_text(wire_field(body, "output_config"));
        ask->reasoning = wire_is(thinking, "type", "enabled") || wire_is(thinking, "type", "adaptive");
        ask->user = wire_string(wire_field(body, "metadata"), "user_id");
        return 0;
}

int anthropic_pass_request(json_object **body, int64_t max_tokens, char **ret_why) {
        if (wire_field(*body, "max_tokens"))
                return 0;
        if (max_tokens <= 0)
                return wire_why(ret_why, -EOPNOTSUPP, "max_tokens: Anthropic's format demands it");
        wire_set_int(body, "max_tokens", max_tokens);
        return *body ? 0 : -ENOMEM;
}
