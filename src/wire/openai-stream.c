/* SPDX-License-Identifier: MIT */
#include "wire/openai.h"

static int read_call(WireStream *ws, json_object *call) {
        json_object *function = wire_object(call, "function"), *index = wire_field(call, "index");
        json_object *google = wire_object(wire_object(call, "extra_content"), "google");
        unsigned n;
        int r;

        r = wire_stream_call(ws, index ? json_object_get_int64(index) : -1, wire_text(call, "id"), wire_text(function, "name"),
                             wire_text(google, "thought_signature"), &n);
        return r < 0 ? r : wire_stream_arguments(ws, n, wire_text(function, "arguments"));
}

/* Content of a kind that is not known here: audio, the older function_call. */
static bool has_more(json_object *delta) {
        static const char *const known[] = { "role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls" };

        if (!json_object_is_type(delta, json_type_object))
                return false;
        json_object_object_foreach(delta, key, value) {
                size_t i = 0;

                while (i < ELEMENTSOF(known) && !streq(key, known[i]))
                        i++;
                if (i == ELEMENTSOF(known) && value)
                        return true;
        }
        return false;
}

static int read_choice(WireStream *ws, json_object *choice) {
        json_object *delta = wire_field(choice, "delta"), *calls = wire_array(delta, "tool_calls");
        const char *reason = wire_string(choice, "finish_reason");
        int r;

        if (!json_object_is_type(choice, json_type_object))
                return -EBADMSG;
        r = wire_stream_text(ws, WIRE_DELTA_THINKING, openai_thinking(delta));
        if (r >= 0)
                r = wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(delta, "content"));
        if (r >= 0)
                r = wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(delta, "refusal"));
        for (size_t i = 0; r >= 0 && i < wire_length(calls); i++)
                r = read_call(ws, json_object_array_get_idx(calls, i));
        if (r >= 0 && ws->pass && has_more(delta))
                wire_stream_touch(ws);
        if (r >= 0 && reason)
                ws->reply.finish = openai_finish(reason);
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
        openai_read_usage(usage, &ws->reply.usage);
        ws->hide = usage && wire_length(choices) == 0 && !ws->include_usage;
        r = wire_stream_head(ws, wire_text(json, "id"), wire_text(json, "model"));
        for (size_t i = 0; r >= 0 && i < wire_length(choices); i++)
                r = read_choice(ws, json_object_array_get_idx(choices, i));
        return r;
}

struct WireWriter {
        char begun; /* nothing else is to be remembered */
};

static json_object *make_chunk(const WireStream *ws, json_object *choices, json_object *usage) {
        json_object *json = json_object_new_object();

        wire_set_string(&json, "id", wire_stream_id(ws));
        wire_set_string(&json, "object", "chat.completion.chunk");
        wire_set_int(&json, "created", ws->reply.created);
        wire_set_string(&json, "model", wire_stream_model(ws));
        wire_set(&json, "choices", choices);
        if (usage)
                wire_set(&json, "usage", usage);
        else if (ws->include_usage)
                wire_set_null(&json, "usage");
        return json;
}

static int send_delta(WireStream *ws, json_object *delta, const char *finish) {
        json_object *choice = json_object_new_object(), *choices = json_object_new_array();

        wire_set_int(&choice, "index", 0);
        wire_set(&choice, "delta", delta);
        wire_set_null(&choice, "logprobs");
        if (finish)
                wire_set_string(&choice, "finish_reason", finish);
        else
                wire_set_null(&choice, "finish_reason");
        wire_push(&choices, choice);
        return wire_stream_send(ws, NULL, make_chunk(ws, choices, NULL));
}

/* The first chunk says whose words they are. */
static int begin(WireStream *ws) {
        json_object *delta;

        if (ws->writer)
                return 0;
        ws->writer = calloc(1, sizeof(*ws->writer));
        if (!ws->writer)
                return -ENOMEM;
        delta = json_object_new_object();
        wire_set_string(&delta, "role", "assistant");
        wire_set_string(&delta, "content", "");
        return send_delta(ws, delta, NULL);
}

static json_object *call_delta(const WireDelta *delta) {
        json_object *call = json_object_new_object(), *calls = json_object_new_array(), *json = json_object_new_object();

        if (delta->kind == WIRE_DELTA_CALL) {
                WirePart part = { .id = delta->id, .name = delta->name, .signature = delta->signature,
                                  .arguments = json_object_new_string("") };

                (void) json_object_put(call);
                call = part.arguments ? openai_call(&part, true) : NULL;
                (void) json_object_put(part.arguments);
        } else {
                json_object *function = json_object_new_object();

                wire_set_ref(&function, "arguments", delta->text);
                wire_set(&call, "function", function);
        }
        wire_set_int(&call, "index", delta->call);
        wire_push(&calls, call);
        wire_set(&json, "tool_calls", calls);
        return json;
}

static int write_delta(WireStream *ws, const WireDelta *delta) {
        json_object *json;
        int r;

        r = begin(ws);
        if (r < 0)
                return r;
        if (delta->kind == WIRE_DELTA_CALL || delta->kind == WIRE_DELTA_ARGUMENTS)
                return send_delta(ws, call_delta(delta), NULL);
        json = json_object_new_object();
        wire_set_ref(&json, delta->kind == WIRE_DELTA_TEXT ? "content" : "reasoning_content", delta->text);
        return send_delta(ws, json, NULL);
}

static int write_end(WireStream *ws) {
        int r;

        r = begin(ws);
        if (r >= 0)
                r = send_delta(ws, json_object_new_object(), openai_finish_name(wire_finish(&ws->reply, ws->n_calls > 0)));
        if (r >= 0 && ws->include_usage && ws->reply.usage.reported)
                r = wire_stream_send(ws, NULL, make_chunk(ws, json_object_new_array(), openai_usage(&ws->reply.usage)));
        return r < 0 ? r : wire_buffer_add(&ws->output, "data: [DONE]\n\n", strlen("data: [DONE]\n\n"));
}

static void free_writer(WireWriter *writer) {
        free(writer);
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
        .read_request = openai_read_request,
        .write_request = openai_write_request,
        .read_answer = openai_read_answer,
        .write_answer = openai_write_answer,
        .read_event = read_event,
        .write_delta = write_delta,
        .write_end = write_end,
        .free_writer = free_writer,
        .error = make_error,
};
