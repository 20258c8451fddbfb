/* SPDX-License-Identifier: MIT */
#include "wire/wire-internal.h"

static int ask_messages(json_object *messages, char **ret_why) {
        if (!json_object_is_type(messages, json_type_array))
                return wire_why(ret_why, -EBADMSG, "messages: an array is expected");
        if (wire_length(messages) == 0)
                return wire_why(ret_why, -EBADMSG, "messages: there is none");
        for (size_t i = 0; i < wire_length(messages); i++) {
                json_object *message = json_object_array_get_idx(messages, i);

                if (!json_object_is_type(message, json_type_object))
                        return wire_why(ret_why, -EBADMSG, "messages[%zu]: an object is expected", i);
                if (!wire_string(message, "role"))
                        return wire_why(ret_why, -EBADMSG, "messages[%zu].role: a string is expected", i);
        }
        return 0;
}

int wire_ask_head(json_object *body, bool stream, WireAsk *ask, char **ret_why) {
        json_object *value;

        if (!json_object_is_type(body, json_type_object))
                return wire_why(ret_why, -EBADMSG, "the body: an object is expected");
        value = wire_field(body, "model");
        if (value && !json_object_is_type(value, json_type_string))
                return wire_why(ret_why, -EBADMSG, "model: a string is expected");
        ask->model = value ? json_object_get_string(value) : NULL;
        value = wire_field(body, "stream");
        if (value && !json_object_is_type(value, json_type_boolean))
                return wire_why(ret_why, -EBADMSG, "stream: true or false is expected");
        ask->stream = value ? json_object_get_boolean(value) : stream;
        value = wire_field(body, "tools");
        if (value && !json_object_is_type(value, json_type_array))
                return wire_why(ret_why, -EBADMSG, "tools: an array is expected");
        ask->tools = wire_length(value) > 0;
        ask->prompt_bytes += wire_ask_text(value);
        return ask_messages(wire_field(body, "messages"), ret_why);
}

int wire_ask_max_tokens(json_object *object, const char *key, WireAsk *ask, char **ret_why) {
        json_object *value = wire_field(object, key);
        int64_t n;

        if (!value)
                return 0;
        n = json_object_get_int64(value);
        if (!json_object_is_type(value, json_type_int) || n < 1 || n > WIRE_COUNT_MAX)
                return wire_why(ret_why, -EBADMSG, "%s: a whole number from 1 on is expected", key);
        ask->max_tokens = n;
        return 0;
}

size_t wire_ask_text(json_object *value) {
        size_t size = 0;

        if (!value)
                return 0;
        if (json_object_is_type(value, json_type_string))
                return (size_t) json_object_get_string_len(value);
        return wire_to_text(value, &size) ? size : 0;
}
