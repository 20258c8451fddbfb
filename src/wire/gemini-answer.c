/* SPDX-License-Identifier: MIT */
#include "wire/gemini.h"

/* Thoughts are counted beside the candidates, what tools put into the prompt beside that, and cached tokens within it. */
static void read_usage(json_object *answer, WireUsage *usage) {
        json_object *json = wire_object(answer, "usageMetadata");

        if (!json)
                return;
        usage->reasoning = wire_count_or_invalid(json, "thoughtsTokenCount", &usage->invalid);
        usage->in = wire_count_or_invalid(json, "promptTokenCount", &usage->invalid) +
                wire_count_or_invalid(json, "toolUsePromptTokenCount", &usage->invalid);
        usage->out = wire_count_or_invalid(json, "candidatesTokenCount", &usage->invalid) + usage->reasoning;
        usage->cached = wire_count_or_invalid(json, "cachedContentTokenCount", &usage->invalid);
        usage->reported = !usage->invalid;
}

/* The candidate, NULL when the prompt was blocked; -EBADMSG when neither is said. What is no end of the model's own (safety,
 * recitation, a malformed call) is all one: the answer was kept back. */
static int read_head(json_object *answer, WireReply *reply, json_object **ret) {
        json_object *candidates = wire_array(answer, "candidates"), *candidate = NULL;
        const char *reason;

        if (wire_length(candidates) > 0)
                candidate = json_object_array_get_idx(candidates, 0);
        else if (wire_string(wire_object(answer, "promptFeedback"), "blockReason"))
                reply->finish = WIRE_FINISH_FILTER;
        else if (!wire_object(answer, "usageMetadata"))
                return -EBADMSG;
        read_usage(answer, &reply->usage);
        reason = wire_string(candidate, "finishReason");
        if (reason && streq(reason, "STOP"))
                reply->finish = WIRE_FINISH_STOP;
        else if (reason && streq(reason, "MAX_TOKENS"))
                reply->finish = WIRE_FINISH_LENGTH;
        else if (reason && !streq(reason, "FINISH_REASON_UNSPECIFIED"))
                reply->finish = WIRE_FINISH_FILTER;
        *ret = candidate;
        return 0;
}

static int read_part(json_object *part, WireMessage *message) {
        json_object *call = wire_object(part, "functionCall"), *text = wire_text(part, "text");

        if (call && !wire_text(call, "name"))
                return -EBADMSG;
        if (call)
                return wire_message_call(message, wire_text(call, "id"), wire_text(call, "name"), wire_field(call, "args"),
                                         wire_text(part, "thoughtSignature"));
        if (wire_ask_text(text) == 0)
                return 0;
        return wire_message_part(message, wire_true(part, "thought") ? WIRE_PART_THINKING : WIRE_PART_TEXT, text) ? 0 : -ENOMEM;
}

static int read_answer(json_object *answer, WireReply *reply, bool pass) {
        json_object *candidate, *parts;
        int r;

        r = read_head(answer, reply, &candidate);
        if (r >= 0 && !candidate && reply->finish == WIRE_FINISH_UNSET)
                r = -EBADMSG;
        if (r < 0 || pass)
                return r;
        reply->id = json_object_get(wire_text(answer, "responseId"));
        reply->model = json_object_get(wire_text(answer, "modelVersion"));
        parts = wire_array(wire_object(candidate, "content"), "parts");
        for (size_t i = 0; r >= 0 && i < wire_length(parts); i++)
                r = read_part(json_object_array_get_idx(parts, i), &reply->message);
        return r;
}

static int stream_part(WireStream *ws, json_object *part) {
        json_object *call = wire_object(part, "functionCall");

        if (!call)
                return wire_stream_text(ws, wire_true(part, "thought") ? WIRE_DELTA_THINKING : WIRE_DELTA_TEXT,
                                        wire_text(part, "text"));
        /* Each comes whole, so each is a new one. */
        return wire_stream_whole_call(ws, (int64_t) ws->n_calls, wire_text(call, "id"), wire_text(call, "name"),
                                      wire_text(part, "thoughtSignature"), wire_object(call, "args"));
}

static int read_event(WireStream *ws, const WireEvent *event) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        json_object *candidate, *parts;
        int r;

        r = wire_stream_parse(ws, event, &json);
        if (r < 0)
                return r;
        if (wire_field(json, "error"))
                return wire_stream_refuse(ws, json);
        r = read_head(json, &ws->reply, &candidate);
        if (r >= 0)
                r = wire_stream_head(ws, wire_text(json, "responseId"), wire_text(json, "modelVersion"));
        parts = r >= 0 ? wire_array(wire_object(candidate, "content"), "parts") : NULL;
        for (size_t i = 0; r >= 0 && i < wire_length(parts); i++)
                r = stream_part(ws, json_object_array_get_idx(parts, i));
        /* It has no other end. */
        return r >= 0 && ws->reply.finish != WIRE_FINISH_UNSET ? wire_stream_end(ws) : r;
}

static json_object *make_error(unsigned status, const char *type, const char *code, const char *message) {
        json_object *error = json_object_new_object(), *json = json_object_new_object();

        wire_set_int(&error, "code", status);
        wire_set_string(&error, "message", message);
        if (type)
                wire_set_string(&error, "status", type);
        wire_set(&json, "error", error);
        return json;
}

const WireCodec wire_gemini = {
        .name = "gemini",
        .vendor = "Google",
        .objects = true,
        .write_request = gemini_write_request,
        .read_answer = read_answer,
        .read_event = read_event,
        .error = make_error,
};
