/* SPDX-License-Identifier: MIT */
#include "wire/openai.h"

static void read_usage(json_object *usage, WireUsage *ret) {
        json_object *prompt = wire_object(usage, "prompt_tokens_details");

        if (!json_object_is_type(usage, json_type_object))
                return;
        *ret = (WireUsage) {
                .in = wire_count(usage, "prompt_tokens"),
                .out = wire_count(usage, "completion_tokens"),
                .cached = wire_count(prompt, "cached_tokens"),
                .cache_write = wire_count(prompt, "cache_write_tokens"), /* OpenRouter */
                .reasoning = wire_count(wire_object(usage, "completion_tokens_details"), "reasoning_tokens"),
                .reported = true,
        };
        if (!wire_field(prompt, "cached_tokens")) /* DeepSeek's older word for it */
                ret->cached = wire_count(usage, "prompt_cache_hit_tokens");
}

static int read_answer(json_object *answer, WireReply *reply, bool pass) {
        json_object *choices = wire_array(answer, "choices"), *choice;

        if (!choices || wire_length(choices) == 0 || wire_field(answer, "error"))
                return -EBADMSG;
        choice = json_object_array_get_idx(choices, 0);
        if (!wire_object(choice, "message"))
                return -EBADMSG;
        read_usage(wire_field(answer, "usage"), &reply->usage);
        return pass ? 0 : -EOPNOTSUPP;
}

/* Both words for the same are in use: DeepSeek's and vLLM's, OpenRouter's and Ollama's. */
static json_object *thinking_of(json_object *message) {
        json_object *text = wire_text(message, "reasoning_content");

        return text ? text : wire_text(message, "reasoning");
}

static int read_call(WireStream *ws, json_object *call) {
        json_object *function = wire_object(call, "function"), *index = wire_field(call, "index");
        json_object *google = wire_object(wire_object(call, "extra_content"), "google");
        unsigned n;
        int r;

        r = wire_stream_call(ws, index ? json_object_get_int64(index) : -1, wire_text(call, "id"), wire_text(function, "name"),
                             wire_text(google, "thought_signature"), &n);
        return r < 0 ? r : wire_stream_arguments(ws, n, wire_text(function, "arguments"));
}

static WireFinish finish_of(const char *reason) {
        if (streq(reason, "length"))
                return WIRE_FINISH_LENGTH;
        if (streq(reason, "tool_calls") || streq(reason, "function_call"))
                return WIRE_FINISH_CALLS;
        return streq(reason, "content_filter") ? WIRE_FINISH_FILTER : WIRE_FINISH_STOP;
}

static int read_choice(WireStream *ws, json_object *choice) {
        json_object *delta = wire_field(choice, "delta"), *calls = wire_array(delta, "tool_calls");
        const char *reason = wire_string(choice, "finish_reason");
        int r;

        if (!json_object_is_type(choice, json_type_object))
                return -EBADMSG;
        r = wire_stream_text(ws, WIRE_DELTA_THINKING, thinking_of(delta));
        if (r >= 0)
                r = wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(delta, "content"));
        if (r >= 0)
                r = wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(delta, "refusal"));
        for (size_t i = 0; r >= 0 && i < wire_length(calls); i++)
                r = read_call(ws, json_object_array_get_idx(calls, i));
        if (r >= 0 && reason)
                ws->reply.finish = finish_of(reason);
        return r;
}

static int read_event(WireStream *ws, const WireEvent *event) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        json_object *choices, *usage;
        int r;

        if (event->size == strlen("[DONE]") && memcmp(event->data, "[DONE]", event->size) == 0)
                return wire_stream_end(ws);
        r = wire_stream_parse(ws, event, &json);
        if (r < 0)
                return r;
        if (wire_field(json, "error"))
                return wire_stream_refuse(ws, json);
        choices = wire_array(json, "choices");
        usage = wire_object(json, "usage");
        if (!choices && !usage)
                return -EBADMSG;
        read_usage(usage, &ws->reply.usage);
        ws->hide = usage && wire_length(choices) == 0 && !ws->include_usage;
        r = wire_stream_head(ws, wire_text(json, "id"), wire_text(json, "model"));
        for (size_t i = 0; r >= 0 && i < wire_length(choices); i++)
                r = read_choice(ws, json_object_array_get_idx(choices, i));
        return r;
}

static json_object *make_error(unsigned status, const char *type, const char *code, const char *message) {
        json_object *error = json_object_new_object(), *json = json_object_new_object();

        if (!type)
                type = status == 429 ? "requests" : status >= 500 ? "server_error" : "invalid_request_error";
        if (!code)
                code = status == 401 ? "invalid_api_key" : status == 429 ? "rate_limit_exceeded" : NULL;
        wire_set_string(&error, "message", message);
        wire_set_string(&error, "type", type);
        wire_set_null(&error, "param");
        if (code)
                wire_set_string(&error, "code", code);
        else
                wire_set_null(&error, "code");
        wire_set(&json, "error", error);
        return json;
}

const WireCodec wire_openai = {
        .name = "openai",
        .vendor = "OpenAI",
        .ask = openai_ask,
        .pass_request = openai_pass_request,
        .read_answer = read_answer,
        .read_event = read_event,
        .error = make_error,
};
