/* SPDX-License-Identifier: MIT */
#include "wire/openai.h"

void openai_read_usage(json_object *usage, WireUsage *ret) {
        json_object *prompt = wire_object(usage, "prompt_tokens_details");
        bool older = !wire_field(prompt, "cached_tokens"); /* DeepSeek's older word for it */
        WireUsage u = {};

        if (!json_object_is_type(usage, json_type_object))
                return;
        u.in = wire_count_or_invalid(usage, "prompt_tokens", &u.invalid);
        u.out = wire_count_or_invalid(usage, "completion_tokens", &u.invalid);
        u.cached = wire_count_or_invalid(older ? usage : prompt, older ? "prompt_cache_hit_tokens" : "cached_tokens", &u.invalid);
        u.cache_write = wire_count_or_invalid(prompt, "cache_write_tokens", &u.invalid); /* OpenRouter */
        u.reasoning = wire_count_or_invalid(wire_object(usage, "completion_tokens_details"), "reasoning_tokens", &u.invalid);
        u.reported = !u.invalid;
        *ret = u;
}

json_object *openai_usage(const WireUsage *usage) {
        json_object *json = json_object_new_object(), *prompt = json_object_new_object(), *completion = json_object_new_object();

        wire_set_int(&prompt, "cached_tokens", usage->cached);
        if (usage->cache_write > 0)
                wire_set_int(&prompt, "cache_write_tokens", usage->cache_write);
        wire_set_int(&completion, "reasoning_tokens", usage->reasoning);
        wire_set_int(&json, "prompt_tokens", usage->in);
        wire_set_int(&json, "completion_tokens", usage->out);
        wire_set_int(&json, "total_tokens", usage->in + usage->out);
        wire_set(&json, "prompt_tokens_details", prompt);
        wire_set(&json, "completion_tokens_details", completion);
        return json;
}

json_object *openai_thinking(json_object *message) {
        json_object *text = wire_text(message, "reasoning_content");

        return text ? text : wire_text(message, "reasoning");
}

WireFinish openai_finish(const char *reason) {
        if (streq(reason, "length"))
                return WIRE_FINISH_LENGTH;
        if (streq(reason, "tool_calls") || streq(reason, "function_call"))
                return WIRE_FINISH_CALLS;
        return streq(reason, "content_filter") ? WIRE_FINISH_FILTER : WIRE_FINISH_STOP;
}

const char *openai_finish_name(WireFinish finish) {
        switch (finish) {
        case WIRE_FINISH_LENGTH:
                return "length";
        case WIRE_FINISH_CALLS:
                return "tool_calls";
        case WIRE_FINISH_FILTER:
                return "content_filter";
        default:
                return "stop";
        }
}

static int read_message(json_object *json, WireMessage *message) {
        json_object *thinking = openai_thinking(json), *calls = wire_array(json, "tool_calls");
        int r;

        if (wire_ask_text(thinking) > 0 && !wire_message_part(message, WIRE_PART_THINKING, thinking))
                return -ENOMEM;
        r = wire_message_text(message, wire_text(json, "content"));
        if (r >= 0)
                r = wire_message_text(message, wire_text(json, "refusal"));
        for (size_t i = 0; r >= 0 && i < wire_length(calls); i++) {
                json_object *call = json_object_array_get_idx(calls, i);

                r = openai_read_call(message, call, wire_text(call, "id"));
        }
        return r;
}

int openai_read_answer(json_object *answer, WireReply *reply, bool pass) {
        json_object *choices = wire_array(answer, "choices"), *choice, *created = wire_field(answer, "created");
        const char *reason;

        if (wire_length(choices) == 0)
                return -EBADMSG;
        choice = json_object_array_get_idx(choices, 0);
        if (!wire_object(choice, "message"))
                return -EBADMSG;
        openai_read_usage(wire_field(answer, "usage"), &reply->usage);
        if (pass)
                return 0;
        reason = wire_string(choice, "finish_reason");
        if (reason)
                reply->finish = openai_finish(reason);
        reply->id = json_object_get(wire_text(answer, "id"));
        reply->model = json_object_get(wire_text(answer, "model"));
        reply->created = json_object_is_type(created, json_type_int) ? json_object_get_int64(created) : 0;
        return read_message(wire_object(choice, "message"), &reply->message);
}

static json_object *write_message(const WireMessage *message) {
        json_object *json = json_object_new_object(), *calls = json_object_new_array();

        wire_set_string(&json, "role", "assistant");
        if (wire_message_has(message, WIRE_PART_TEXT) || !wire_message_has(message, WIRE_PART_CALL))
                wire_set(&json, "content", wire_message_joined(message, WIRE_PART_TEXT, ""));
        else
                wire_set_null(&json, "content");
        if (wire_message_has(message, WIRE_PART_THINKING))
                wire_set(&json, "reasoning_content", wire_message_joined(message, WIRE_PART_THINKING, ""));
        wire_set_null(&json, "refusal");
        for (size_t i = 0; i < message->n_parts; i++)
                if (message->parts[i].kind == WIRE_PART_CALL)
                        wire_push(&calls, openai_call(message->parts + i, true));
        if (calls && wire_length(calls) == 0)
                (void) json_object_put(calls);
        else
                wire_set(&json, "tool_calls", calls);
        return json;
}

int openai_write_answer(const WireReply *reply, json_object **ret) {
        json_object *json = json_object_new_object(), *choice = json_object_new_object(), *choices = json_object_new_array();

        wire_set_int(&choice, "index", 0);
        wire_set(&choice, "message", write_message(&reply->message));
        wire_set_null(&choice, "logprobs");
        wire_set_string(&choice, "finish_reason", openai_finish_name(reply->finish));
        wire_push(&choices, choice);
        wire_set_ref(&json, "id", reply->id);
        wire_set_string(&json, "object", "chat.completion");
        wire_set_int(&json, "created", reply->created);
        wire_set_ref(&json, "model", reply->model);
        wire_set(&json, "choices", choices);
        if (reply->usage.reported)
                wire_set(&json, "usage", openai_usage(&reply->usage));
        if (!json)
                return -ENOMEM;
        *ret = json;
        return 0;
}
