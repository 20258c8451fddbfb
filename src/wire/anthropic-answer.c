/* SPDX-License-Identifier: MIT */
#include "wire/anthropic.h"

/* Anthropic's input_tokens are those that no cache had, and none was written of. */
void anthropic_read_usage(json_object *json, WireUsage *usage) {
        int64_t fresh = usage->in - usage->cached - usage->cache_write;

        if (!json_object_is_type(json, json_type_object))
                return;
        if (wire_field(json, "input_tokens"))
                fresh = wire_count_or_invalid(json, "input_tokens", &usage->invalid);
        if (wire_field(json, "cache_read_input_tokens"))
                usage->cached = wire_count_or_invalid(json, "cache_read_input_tokens", &usage->invalid);
        if (wire_field(json, "cache_creation_input_tokens"))
                usage->cache_write = wire_count_or_invalid(json, "cache_creation_input_tokens", &usage->invalid);
        if (wire_field(json, "output_tokens"))
                usage->out = wire_count_or_invalid(json, "output_tokens", &usage->invalid);
        usage->in = fresh + usage->cached + usage->cache_write;
        usage->reported = !usage->invalid;
}

/* Its clients expect these in any case, so they are 0 where the upstream said nothing. */
json_object *anthropic_usage(const WireUsage *usage) {
        json_object *json = json_object_new_object();

        wire_set_int(&json, "input_tokens", MAX(usage->in - usage->cached - usage->cache_write, 0));
        wire_set_int(&json, "cache_creation_input_tokens", usage->cache_write);
        wire_set_int(&json, "cache_read_input_tokens", usage->cached);
        wire_set_int(&json, "output_tokens", usage->out);
        return json;
}

WireFinish anthropic_finish(const char *reason) {
        static const struct {
                const char *reason;
                WireFinish finish;
        } finishes[] = {
                { "end_turn",                      WIRE_FINISH_STOP     },
                { "stop_sequence",                 WIRE_FINISH_SEQUENCE },
                { "max_tokens",                    WIRE_FINISH_LENGTH   },
                { "model_context_window_exceeded", WIRE_FINISH_LENGTH   },
                { "tool_use",                      WIRE_FINISH_CALLS    },
                { "refusal",                       WIRE_FINISH_FILTER   },
        };

        for (size_t i = 0; i < ELEMENTSOF(finishes); i++)
                if (streq(reason, finishes[i].reason))
                        return finishes[i].finish;
        return WIRE_FINISH_STOP;
}

const char *anthropic_finish_name(WireFinish finish) {
        switch (finish) {
        case WIRE_FINISH_SEQUENCE:
                return "stop_sequence";
        case WIRE_FINISH_LENGTH:
                return "max_tokens";
        case WIRE_FINISH_CALLS:
                return "tool_use";
        case WIRE_FINISH_FILTER:
                return "refusal";
        default:
                return "end_turn";
        }
}

static int read_block(json_object *block, WireMessage *message) {
        if (wire_is(block, "type", "text"))
                return wire_message_text(message, wire_text(block, "text"));
        if (wire_is(block, "type", "thinking") && wire_ask_text(wire_text(block, "thinking")) > 0)
                return wire_message_part(message, WIRE_PART_THINKING, wire_text(block, "thinking")) ? 0 : -ENOMEM;
        if (!wire_is(block, "type", "tool_use"))
                return 0;
        if (!wire_text(block, "name"))
                return -EBADMSG;
        return wire_message_call(message, wire_text(block, "id"), wire_text(block, "name"), wire_field(block, "input"), NULL);
}

static int read_answer(json_object *answer, WireReply *reply, bool pass) {
        json_object *content = wire_array(answer, "content");
        const char *reason = wire_string(answer, "stop_reason");
        int r = 0;

        if (!content || !wire_is(answer, "type", "message"))
                return -EBADMSG;
        anthropic_read_usage(wire_field(answer, "usage"), &reply->usage);
        if (pass)
                return 0;
        if (reason)
                reply->finish = anthropic_finish(reason);
        reply->id = json_object_get(wire_text(answer, "id"));
        reply->model = json_object_get(wire_text(answer, "model"));
        reply->sequence = json_object_get(wire_text(answer, "stop_sequence"));
        for (size_t i = 0; r >= 0 && i < wire_length(content); i++)
                r = read_block(json_object_array_get_idx(content, i), &reply->message);
        return r;
}

static json_object *write_content(const WireMessage *message) {
        json_object *content = json_object_new_array();

        for (size_t i = 0; i < message->n_parts; i++) {
                const WirePart *part = message->parts + i;
                json_object *block;

                if (part->kind == WIRE_PART_CALL)
                        wire_push(&content, anthropic_call_block(part));
                else if (part->kind == WIRE_PART_THINKING) {
                        block = json_object_new_object();
                        wire_set_string(&block, "type", "thinking");
                        wire_set_ref(&block, "thinking", part->text);
                        wire_set_string(&block, "signature", "");
                        wire_push(&content, block);
                } else if (wire_ask_text(part->text) > 0)
                        wire_push(&content, anthropic_text_block(part->text));
        }
        return content;
}

static int write_answer(const WireReply *reply, json_object **ret) {
        json_object *json = json_object_new_object();

        wire_set_ref(&json, "id", reply->id);
        wire_set_string(&json, "type", "message");
        wire_set_string(&json, "role", "assistant");
        wire_set_ref(&json, "model", reply->model);
        wire_set(&json, "content", write_content(&reply->message));
        wire_set_string(&json, "stop_reason", anthropic_finish_name(reply->finish));
        if (reply->sequence)
                wire_set_ref(&json, "stop_sequence", reply->sequence);
        else
                wire_set_null(&json, "stop_sequence");
        wire_set(&json, "usage", anthropic_usage(&reply->usage));
        if (!json)
                return -ENOMEM;
        *ret = json;
        return 0;
}

static const char *error_type(unsigned status) {
        switch (status) {
        case 401:
                return "authentication_error";
        case 402:
                return "billing_error";
        case 403:
                return "permission_error";
        case 404:
                return "not_found_error";
        case 413:
                return "request_too_large";
        case 429:
                return "rate_limit_error";
        case 503:
        case 529:
                return "overloaded_error";
        case 504:
                return "timeout_error";
        default:
                return status >= 500 ? "api_error" : "invalid_request_error";
        }
}

static json_object *make_error(unsigned status, const char *type, const char *code, const char *message) {
        json_object *error = json_object_new_object(), *json = json_object_new_object();

        wire_set_string(&error, "type", type ? type : error_type(status));
        wire_set_string(&error, "message", message);
        wire_set_string(&json, "type", "error");
        wire_set(&json, "error", error);
        return json;
}

const WireCodec wire_anthropic = {
        .name = "anthropic",
        .vendor = "Anthropic",
        .objects = true,
        .ask = anthropic_ask,
        .pass_request = anthropic_pass_request,
        .read_request = anthropic_read_request,
        .write_request = anthropic_write_request,
        .read_answer = read_answer,
        .write_answer = write_answer,
        .read_event = anthropic_read_event,
        .write_delta = anthropic_write_delta,
        .write_end = anthropic_write_end,
        .free_writer = anthropic_free_writer,
        .error = make_error,
        .error_event = "error",
};
