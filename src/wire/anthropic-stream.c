/* SPDX-License-Identifier: MIT */
#include "wire/anthropic.h"

/* A message there is blocks, one behind the other; elsewhere the pieces of parallel calls may come mixed. So what is of another
 * block waits until the arguments of the call that is being sent are whole, or nothing follows. */

typedef struct Waiting {
        WireDelta delta; /* with references of its own */
} Waiting;

typedef enum Block {
        BLOCK_NONE,
        BLOCK_TEXT,
        BLOCK_THINKING,
        BLOCK_CALL,
} Block;

struct WireWriter {
        Block open;
        unsigned call;   /* BLOCK_CALL: which */
        int64_t n_blocks; /* closed ones */
        unsigned depth;  /* within the arguments of the open call */
        bool in_string, escaped, whole;
        Waiting *waiting;
        size_t n_waiting, waiting_size;
};

static void waiting_done(Waiting *waiting, size_t n) {
        for (size_t i = 0; i < n; i++) {
                (void) json_object_put(waiting[i].delta.text);
                (void) json_object_put(waiting[i].delta.id);
                (void) json_object_put(waiting[i].delta.name);
        }
        free(waiting);
}

void anthropic_free_writer(WireWriter *writer) {
        waiting_done(writer->waiting, writer->n_waiting);
        free(writer);
}

static json_object *make_event(const char *type, const WireWriter *writer) {
        json_object *json = json_object_new_object();

        wire_set_string(&json, "type", type);
        if (writer)
                wire_set_int(&json, "index", writer->n_blocks);
        return json;
}

static int begin(WireStream *ws) {
        json_object *json, *message;

        if (ws->writer)
                return 0;
        ws->writer = calloc(1, sizeof(*ws->writer));
        if (!ws->writer)
                return -ENOMEM;
        message = json_object_new_object();
        wire_set_string(&message, "id", wire_stream_id(ws));
        wire_set_string(&message, "type", "message");
        wire_set_string(&message, "role", "assistant");
        wire_set_string(&message, "model", wire_stream_model(ws));
        wire_set(&message, "content", json_object_new_array());
        wire_set_null(&message, "stop_reason");
        wire_set_null(&message, "stop_sequence");
        wire_set(&message, "usage", anthropic_usage(&ws->reply.usage));
        json = make_event("message_start", NULL);
        wire_set(&json, "message", message);
        return wire_stream_send(ws, "message_start", json);
}

static int close_block(WireStream *ws) {
        WireWriter *writer = ws->writer;
        int r;

        if (writer->open == BLOCK_NONE)
                return 0;
        r = wire_stream_send(ws, "content_block_stop", make_event("content_block_stop", writer));
        writer->open = BLOCK_NONE;
        writer->n_blocks++;
        return r;
}

static int open_block(WireStream *ws, Block kind, const WireDelta *delta) {
        json_object *json, *block;
        int r;

        r = close_block(ws);
        if (r < 0)
                return r;
        ws->writer->open = kind;
        json = make_event("content_block_start", ws->writer);
        block = json_object_new_object();
        if (kind == BLOCK_CALL) {
                ws->writer->call = delta->call;
                ws->writer->depth = 0;
                ws->writer->in_string = ws->writer->escaped = ws->writer->whole = false;
                wire_set_string(&block, "type", "tool_use");
                wire_set_ref(&block, "id", delta->id);
                wire_set_ref(&block, "name", delta->name);
                wire_set(&block, "input", json_object_new_object());
        } else {
                wire_set_string(&block, "type", kind == BLOCK_TEXT ? "text" : "thinking");
                wire_set_string(&block, kind == BLOCK_TEXT ? "text" : "thinking", "");
                if (kind == BLOCK_THINKING)
                        wire_set_string(&block, "signature", "");
        }
        wire_set(&json, "content_block", block);
        return wire_stream_send(ws, "content_block_start", json);
}

/* Counts braces, to see where an object ends; whether it is well made is for the client to see. */
static void follow_arguments(WireWriter *writer, const char *text) {
        for (; *text && !writer->whole; text++) {
                if (writer->escaped)
                        writer->escaped = false;
                else if (writer->in_string) {
                        writer->escaped = *text == '\\';
                        writer->in_string = *text != '"';
                } else if (*text == '"')
                        writer->in_string = true;
                else if (*text == '{' || *text == '[')
                        writer->depth++;
                else if ((*text == '}' || *text == ']') && writer->depth > 0)
                        writer->whole = --writer->depth == 0;
        }
}

static int send_piece(WireStream *ws, const char *type, const char *key, json_object *text) {
        json_object *json = make_event("content_block_delta", ws->writer), *delta = json_object_new_object();

        wire_set_string(&delta, "type", type);
        wire_set_ref(&delta, key, text);
        wire_set(&json, "delta", delta);
        return wire_stream_send(ws, "content_block_delta", json);
}

static bool of_open_call(const WireWriter *writer, const WireDelta *delta) {
        return writer->open == BLOCK_CALL && delta->kind == WIRE_DELTA_ARGUMENTS && delta->call == writer->call;
}

static int send_now(WireStream *ws, const WireDelta *delta) {
        Block kind = delta->kind == WIRE_DELTA_TEXT ? BLOCK_TEXT : BLOCK_THINKING;
        int r = 0;

        if (delta->kind == WIRE_DELTA_CALL)
                return open_block(ws, BLOCK_CALL, delta);
        if (delta->kind == WIRE_DELTA_ARGUMENTS) {
                if (!of_open_call(ws->writer, delta)) /* more of what was whole */
                        return -EBADMSG;
                follow_arguments(ws->writer, json_object_get_string(delta->text));
                return send_piece(ws, "input_json_delta", "partial_json", delta->text);
        }
        if (ws->writer->open != kind)
                r = open_block(ws, kind, delta);
        if (r < 0)
                return r;
        return kind == BLOCK_TEXT ? send_piece(ws, "text_delta", "text", delta->text) :
                                    send_piece(ws, "thinking_delta", "thinking", delta->text);
}

static int wait_for_turn(WireWriter *writer, const WireDelta *delta) {
        Waiting *grown;

        writer->waiting_size += sizeof(Waiting) + wire_ask_text(delta->text) + wire_ask_text(delta->name) + wire_ask_text(delta->id);
        if (writer->waiting_size > WIRE_EVENT_MAX)
                return -EFBIG;
        if ((writer->n_waiting & (writer->n_waiting - 1)) == 0) {
                grown = reallocarray(writer->waiting, writer->n_waiting > 0 ? writer->n_waiting * 2 : 1, sizeof(Waiting));
                if (!grown)
                        return -ENOMEM;
                writer->waiting = grown;
        }
        grown = writer->waiting + writer->n_waiting++;
        grown->delta = *delta;
        grown->delta.text = json_object_get(delta->text);
        grown->delta.id = json_object_get(delta->id);
        grown->delta.name = json_object_get(delta->name);
        return 0;
}

static int send_or_wait(WireStream *ws, const WireDelta *delta) {
        const WireWriter *writer = ws->writer;
        bool busy = writer->open == BLOCK_CALL && !writer->whole;

        if ((busy || writer->n_waiting > 0) && !of_open_call(writer, delta))
                return wait_for_turn(ws->writer, delta);
        return send_now(ws, delta);
}

/* One round of what waited: the first of it opens a block, and what is not of that waits again, in the same order. */
static int send_waiting(WireStream *ws) {
        WireWriter *writer = ws->writer;
        Waiting *waiting = TAKE_PTR(writer->waiting);
        size_t n = writer->n_waiting;
        int r = 0;

        writer->n_waiting = writer->waiting_size = 0;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = send_or_wait(ws, &waiting[i].delta);
        waiting_done(waiting, n);
        return r;
}

int anthropic_write_delta(WireStream *ws, const WireDelta *delta) {
        int r;

        r = begin(ws);
        if (r >= 0)
                r = send_or_wait(ws, delta);
        while (r >= 0 && ws->writer->n_waiting > 0 && (ws->writer->open != BLOCK_CALL || ws->writer->whole))
                r = send_waiting(ws);
        return r;
}

int anthropic_write_end(WireStream *ws) {
        WireFinish finish = wire_finish(&ws->reply, ws->n_calls > 0);
        json_object *json, *delta;
        int r;

        r = begin(ws);
        while (r >= 0 && ws->writer->n_waiting > 0) {
                r = close_block(ws);
                if (r >= 0)
                        r = send_waiting(ws);
        }
        if (r >= 0)
                r = close_block(ws);
        if (r < 0)
                return r;
        delta = json_object_new_object();
        wire_set_string(&delta, "stop_reason", anthropic_finish_name(finish));
        if (ws->reply.sequence)
                wire_set_ref(&delta, "stop_sequence", ws->reply.sequence);
        else
                wire_set_null(&delta, "stop_sequence");
        json = make_event("message_delta", NULL);
        wire_set(&json, "delta", delta);
        wire_set(&json, "usage", anthropic_usage(&ws->reply.usage));
        r = wire_stream_send(ws, "message_delta", json);
        return r < 0 ? r : wire_stream_send(ws, "message_stop", make_event("message_stop", NULL));
}
