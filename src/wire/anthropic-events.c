/* SPDX-License-Identifier: MIT */
#include "wire/anthropic.h"

static int read_start(WireStream *ws, json_object *json) {
        json_object *block = wire_object(json, "content_block"), *index = wire_field(json, "index"), *input;
        const char *type = wire_string(block, "type");
        unsigned call;

        if (!type || !json_object_is_type(index, json_type_int))
                return -EBADMSG;
        if (streq(type, "text"))
                return wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(block, "text"));
        if (streq(type, "thinking"))
                return wire_stream_text(ws, WIRE_DELTA_THINKING, wire_text(block, "thinking"));
        wire_stream_touch(ws);
        if (!streq(type, "tool_use"))
                return 0;
        input = wire_object(block, "input");
        if (input && json_object_object_length(input) > 0)
                return wire_stream_whole_call(ws, json_object_get_int64(index), wire_text(block, "id"), wire_text(block, "name"),
                                              NULL, input);
        /* It comes in pieces. */
        return wire_stream_call(ws, json_object_get_int64(index), wire_text(block, "id"), wire_text(block, "name"), NULL, &call);
}

static int read_delta(WireStream *ws, json_object *json) {
        json_object *delta = wire_object(json, "delta"), *index = wire_field(json, "index");
        const char *type = wire_string(delta, "type");
        unsigned call;
        int r;

        if (!type || !json_object_is_type(index, json_type_int))
                return -EBADMSG;
        if (streq(type, "text_delta"))
                return wire_stream_text(ws, WIRE_DELTA_TEXT, wire_text(delta, "text"));
        if (streq(type, "thinking_delta"))
                return wire_stream_text(ws, WIRE_DELTA_THINKING, wire_text(delta, "thinking"));
        /* Others are of tools that run there. */
        if (!streq(type, "input_json_delta") || !wire_stream_knows_call(ws, json_object_get_int64(index)))
                return 0;
        r = wire_stream_call(ws, json_object_get_int64(index), NULL, NULL, NULL, &call);
        return r < 0 ? r : wire_stream_arguments(ws, call, wire_text(delta, "partial_json"));
}

static void read_end(WireStream *ws, json_object *json) {
        json_object *delta = wire_object(json, "delta"), *sequence = wire_text(delta, "stop_sequence");
        const char *reason = wire_string(delta, "stop_reason");

        if (reason)
                ws->reply.finish = anthropic_finish(reason);
        if (sequence && !ws->reply.sequence)
                ws->reply.sequence = json_object_get(sequence);
        anthropic_read_usage(wire_field(json, "usage"), &ws->reply.usage);
}

int anthropic_read_event(WireStream *ws, const WireEvent *event) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        json_object *message;
        const char *type;
        int r;

        r = wire_stream_parse(ws, event, &json);
        if (r < 0)
                return r;
        type = wire_string(json, "type");
        if (!type)
                return -EBADMSG;
        if (streq(type, "message_start")) {
                message = wire_object(json, "message");
                anthropic_read_usage(wire_field(message, "usage"), &ws->reply.usage);
                return wire_stream_head(ws, wire_text(message, "id"), wire_text(message, "model"));
        }
        if (streq(type, "content_block_start"))
                return read_start(ws, json);
        if (streq(type, "content_block_delta"))
                return read_delta(ws, json);
        if (streq(type, "message_delta"))
                read_end(ws, json);
        else if (streq(type, "message_stop"))
                return wire_stream_end(ws);
        else if (streq(type, "error"))
                return wire_stream_refuse(ws, json);
        return 0; /* pings, the ends of blocks, and what may come to be */
}
