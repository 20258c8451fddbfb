/* SPDX-License-Identifier: MIT */
#include "wire/ollama.h"

#include <time.h>

#include "wire/openai.h"

static void read_usage(json_object *json, WireUsage *usage) {
        if (!wire_field(json, "prompt_eval_count") && !wire_field(json, "eval_count"))
                return;
        usage->in = wire_count_or_invalid(json, "prompt_eval_count", &usage->invalid);
        usage->out = wire_count_or_invalid(json, "eval_count", &usage->invalid);
        usage->reported = !usage->invalid;
}

static void read_finish(json_object *json, WireReply *reply) {
        reply->finish = wire_is(json, "done_reason", "length") ? WIRE_FINISH_LENGTH : WIRE_FINISH_STOP;
}

static int read_answer(json_object *answer, WireReply *reply, bool pass) {
        json_object *json = wire_object(answer, "message"), *thinking = wire_text(json, "thinking"), *calls;
        int r;

        if (!json)
                return -EBADMSG;
        read_usage(answer, &reply->usage);
        if (pass)
                return 0;
        read_finish(answer, reply);
        reply->model = json_object_get(wire_text(answer, "model"));
        if (wire_ask_text(thinking) > 0 && !wire_message_part(&reply->message, WIRE_PART_THINKING, thinking))
                return -ENOMEM;
        calls = wire_array(json, "tool_calls");
        r = wire_ask_text(wire_text(json, "content")) > 0 ? wire_message_text(&reply->message, wire_text(json, "content")) : 0;
        for (size_t i = 0; r >= 0 && i < wire_length(calls); i++) {
                json_object *call = json_object_array_get_idx(calls, i);

                r = openai_read_call(&reply->message, call, wire_text(call, "id"));
        }
        return r;
}

/* Each comes whole, so each is a new one. */
static int read_call(WireStream *ws, json_object *call) {
        json_object *function = wire_object(call, "function");

        return wire_stream_whole_call(ws, (int64_t) ws->n_calls, wire_text(call, "id"), wire_text(function, "name"), NULL,
                                      wire_object(function, "arguments"));
}

static int read_event(WireStream *ws, const WireEvent *event) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        json_object *message, *calls;
        int r;

        r = wire_stream_parse(ws, event, &json);
        if (r < 0)
                return r;
        if (wire_field(json, "error"))
                return wire_stream_refuse(ws, json);
        message = wire_object(json, "message");
        if (!message && !wire_field(json, "done"))
                return -EBADMSG;
        r = wire_stream_head(ws, NULL, wire_text(json, "model"));
        if (r >= 0)
                r = wire_stream_text(ws, WIRE_DELTA_THINKING, wire_text(message, "thinking"));
        if (r >= 0)
                r = wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(message, "content"));
        calls = wire_array(message, "tool_calls");
        for (size_t i = 0; r >= 0 && i < wire_length(calls); i++)
                r = read_call(ws, json_object_array_get_idx(calls, i));
        if (r < 0 || !wire_true(json, "done"))
                return r;
        read_usage(json, &ws->reply.usage);
        read_finish(json, &ws->reply);
        return wire_stream_end(ws);
}

/* An answer, or a line of one, as far as all have it. */
static json_object *make_line(const char *model, int64_t created, json_object *message, bool done) {
        json_object *json = json_object_new_object();
        time_t seconds = (time_t) created;
        char at[48] = "1970-01-01T00:00:00Z";
        struct tm tm;

        if (gmtime_r(&seconds, &tm))
                (void) strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
        wire_set_string(&json, "model", model);
        wire_set_string(&json, "created_at", at);
        wire_set(&json, "message", message);
        wire_set_bool(&json, "done", done);
        return json;
}

static json_object *make_message(const char *key, json_object *text) {
        json_object *message = json_object_new_object();

        wire_set_string(&message, "role", "assistant");
        wire_set_string(&message, "content", "");
        if (key)
                wire_set_ref(&message, key, text);
        return message;
}

static void add_end(json_object **json, WireFinish finish, const WireUsage *usage) {
        wire_set_string(json, "done_reason", finish == WIRE_FINISH_LENGTH ? "length" : "stop");
        if (usage->reported) {
                wire_set_int(json, "prompt_eval_count", usage->in);
                wire_set_int(json, "eval_count", usage->out);
        }
}

static json_object *answer_message(const WireMessage *message) {
        json_object *json = json_object_new_object(), *calls = json_object_new_array();

        wire_set_string(&json, "role", "assistant");
        wire_set(&json, "content", wire_message_joined(message, WIRE_PART_TEXT, ""));
        if (wire_message_has(message, WIRE_PART_THINKING))
                wire_set(&json, "thinking", wire_message_joined(message, WIRE_PART_THINKING, ""));
        for (size_t i = 0; i < message->n_parts; i++)
                if (message->parts[i].kind == WIRE_PART_CALL)
                        wire_push(&calls, openai_call(message->parts + i, false));
        if (calls && wire_length(calls) == 0)
                (void) json_object_put(calls);
        else
                wire_set(&json, "tool_calls", calls);
        return json;
}

static int write_answer(const WireReply *reply, json_object **ret) {
        json_object *json = make_line(json_object_get_string(reply->model), reply->created, answer_message(&reply->message), true);

        add_end(&json, reply->finish, &reply->usage);
        if (!json)
                return -ENOMEM;
        *ret = json;
        return 0;
}

/* Calls are objects there, so their arguments are gathered until nothing follows. */
struct WireWriter {
        struct {
                json_object *name;
                WireBuffer arguments;
        } *calls;
        size_t n_calls, size;
};

static void free_writer(WireWriter *writer) {
        for (size_t i = 0; i < writer->n_calls; i++) {
                (void) json_object_put(writer->calls[i].name);
                wire_buffer_done(&writer->calls[i].arguments);
        }
        free(writer->calls);
        free(writer);
}

static int gather(WireStream *ws, const WireDelta *delta) {
        WireWriter *writer = ws->writer;
        void *grown;

        if (!writer) {
                writer = ws->writer = calloc(1, sizeof(*ws->writer));
                if (!writer)
                        return -ENOMEM;
        }
        writer->size += wire_ask_text(delta->text) + wire_ask_text(delta->name);
        if (writer->size > WIRE_EVENT_MAX)
                return -EFBIG;
        if (delta->kind == WIRE_DELTA_ARGUMENTS)
                return wire_buffer_add(&writer->calls[delta->call].arguments, json_object_get_string(delta->text),
                                       wire_ask_text(delta->text));
        grown = reallocarray(writer->calls, writer->n_calls + 1, sizeof(writer->calls[0]));
        if (!grown)
                return -ENOMEM;
        writer->calls = grown;
        (void) memset(writer->calls + writer->n_calls, 0, sizeof(writer->calls[0]));
        writer->calls[writer->n_calls++].name = json_object_get(delta->name);
        return 0;
}

static int write_delta(WireStream *ws, const WireDelta *delta) {
        json_object *message;

        if (delta->kind == WIRE_DELTA_CALL || delta->kind == WIRE_DELTA_ARGUMENTS)
                return gather(ws, delta);
        message = make_message(delta->kind == WIRE_DELTA_TEXT ? "content" : "thinking", delta->text);
        return wire_stream_send(ws, NULL, make_line(wire_stream_model(ws), ws->reply.created, message, false));
}

static int write_calls(WireStream *ws) {
        json_object *calls = json_object_new_array(), *message;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ws->writer->n_calls; i++) {
                const WireBuffer *text = &ws->writer->calls[i].arguments;
                WirePart part = { .name = ws->writer->calls[i].name };

                if (text->size > 0)
                        r = wire_parse_object(wire_buffer_text(text), text->size, &part.arguments);
                if (r >= 0)
                        wire_push(&calls, openai_call(&part, false));
                (void) json_object_put(part.arguments);
        }
        if (r < 0) {
                (void) json_object_put(calls);
                return r;
        }
        message = make_message(NULL, NULL);
        wire_set(&message, "tool_calls", calls);
        return wire_stream_send(ws, NULL, make_line(wire_stream_model(ws), ws->reply.created, message, false));
}

static int write_end(WireStream *ws) {
        json_object *json;
        int r = 0;

        if (ws->writer)
                r = write_calls(ws);
        if (r < 0)
                return r;
        json = make_line(wire_stream_model(ws), ws->reply.created, make_message(NULL, NULL), true);
        add_end(&json, ws->reply.finish, &ws->reply.usage);
        return wire_stream_send(ws, NULL, json);
}

static json_object *make_error(unsigned status, const char *type, const char *code, const char *message) {
        json_object *json = json_object_new_object();

        wire_set_string(&json, "error", message);
        return json;
}

const WireCodec wire_ollama = {
        .name = "ollama",
        .vendor = "Ollama",
        .lines = true,
        .objects = true,
        .ask = ollama_ask,
        .read_request = ollama_read_request,
        .write_request = ollama_write_request,
        .read_answer = read_answer,
        .write_answer = write_answer,
        .read_event = read_event,
        .write_delta = write_delta,
        .write_end = write_end,
        .free_writer = free_writer,
        .error = make_error,
};
