/* SPDX-License-Identifier: MIT */
#include "wire/wire-internal.h"

int wire_stream_new(const WireStreamOptions *options, WireStream **ret) {
        _cleanup_(wire_stream_freep) WireStream *ws = NULL;
        const WireCodec *from = wire_codec(options->from), *to = wire_codec(options->to);

        if (!from || !to || !to->ask)
                return -EINVAL;
        ws = calloc(1, sizeof(WireStream));
        if (!ws)
                return -ENOMEM;
        ws->from = from;
        ws->to = to;
        ws->pass = from == to;
        ws->include_usage = options->include_usage;
        ws->reply.created = options->created;
        ws->split.lines = from->lines;
        ws->split.event_max = WIRE_EVENT_MAX;
        ws->tokener = json_tokener_new_ex(WIRE_DEPTH_MAX);
        if (!ws->tokener || (options->model && !(ws->model = strdup(options->model))) ||
            (options->id && !(ws->id = strdup(options->id))))
                return -ENOMEM;
        *ret = TAKE_PTR(ws);
        return 0;
}

WireStream *wire_stream_free(WireStream *ws) {
        if (!ws)
                return NULL;
        if (ws->writer)
                ws->to->free_writer(ws->writer);
        for (size_t i = 0; i < ws->n_calls; i++)
                (void) json_object_put(ws->calls[i].id);
        free(ws->calls);
        wire_reply_done(&ws->reply);
        wire_split_done(&ws->split);
        wire_buffer_done(&ws->output);
        json_tokener_free(ws->tokener);
        free(ws->model);
        free(ws->id);
        free(ws->error);
        free(ws);
        return NULL;
}

size_t wire_stream_content_bytes(const WireStream *ws) {
        return ws->content_bytes;
}

int wire_stream_parse(WireStream *ws, const WireEvent *event, json_object **ret) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        int r;

        r = wire_parse(ws->tokener, event->data, event->size, &json);
        if (r < 0)
                return r;
        if (!json_object_is_type(json, json_type_object))
                return -EBADMSG;
        *ret = TAKE_PTR(json);
        return 0;
}

/* The gateway's own words go before the upstream's. */
int wire_stream_head(WireStream *ws, json_object *id, json_object *model) {
        if (!ws->reply.id && id && json_object_get_string_len(id) > 0)
                ws->reply.id = json_object_get(id);
        if (!ws->reply.model && model)
                ws->reply.model = json_object_get(model);
        return 0;
}

void wire_stream_touch(WireStream *ws) {
        ws->state = WIRE_CONTENT;
        ws->released = true;
}

const char *wire_stream_model(const WireStream *ws) {
        if (ws->model)
                return ws->model;
        return ws->reply.model ? json_object_get_string(ws->reply.model) : "";
}

const char *wire_stream_id(const WireStream *ws) {
        return ws->reply.id ? json_object_get_string(ws->reply.id) : strempty(ws->id);
}

int wire_stream_delta(WireStream *ws, const WireDelta *delta) {
        wire_stream_touch(ws);
        if (delta->text)
                ws->content_bytes += (size_t) json_object_get_string_len(delta->text);
        return ws->pass ? 0 : ws->to->write_delta(ws, delta);
}

int wire_stream_text(WireStream *ws, WireDeltaKind kind, json_object *text) {
        if (!text || json_object_get_string_len(text) == 0)
                return 0;
        return wire_stream_delta(ws, &(WireDelta) { .kind = kind, .text = text });
}

/* Which call is meant: some upstreams number all of them 0 and tell them apart by id, some give no number, or neither. */
static ssize_t find_call(const WireStream *ws, int64_t index, json_object *id, bool named) {
        if (index < 0 && !id && named)
                return -1;
        for (size_t i = ws->n_calls; i-- > 0;) {
                const WireCallKey *key = ws->calls + i;

                if (id && key->id && json_object_get_string_len(id) > 0 && !json_object_equal(id, key->id))
                        continue;
                if (index < 0 || key->index == index)
                        return (ssize_t) i;
        }
        return -1;
}

int wire_stream_call(WireStream *ws, int64_t index, json_object *id, json_object *name, json_object *signature,
                     unsigned *ret_call) {
        ssize_t found = find_call(ws, index, id, name);
        _cleanup_(json_object_putp) json_object *made = NULL;
        WireCallKey *grown;

        if (found >= 0) {
                *ret_call = (unsigned) found;
                return 0;
        }
        if (!name)
                return -EBADMSG;
        if (ws->n_calls >= WIRE_CALLS_MAX)
                return -EFBIG;
        grown = reallocarray(ws->calls, ws->n_calls + 1, sizeof(WireCallKey));
        if (!grown)
                return -ENOMEM;
        ws->calls = grown;
        grown[ws->n_calls] = (WireCallKey) { .index = index, .id = json_object_get(id) };
        *ret_call = (unsigned) ws->n_calls++;
        if (id || ws->pass)
                made = json_object_get(id);
        else if (!(made = wire_call_id(wire_stream_id(ws), *ret_call)))
                return -ENOMEM;
        return wire_stream_delta(ws, &(WireDelta) { .kind = WIRE_DELTA_CALL, .call = *ret_call, .id = made, .name = name,
                                                    .signature = signature });
}

bool wire_stream_knows_call(const WireStream *ws, int64_t index) {
        return find_call(ws, index, NULL, false) >= 0;
}

int wire_stream_arguments(WireStream *ws, unsigned call, json_object *text) {
        if (!text || json_object_get_string_len(text) == 0)
                return 0;
        return wire_stream_delta(ws, &(WireDelta) { .kind = WIRE_DELTA_ARGUMENTS, .call = call, .text = text });
}

int wire_stream_whole_call(WireStream *ws, int64_t index, json_object *id, json_object *name, json_object *signature,
                           json_object *arguments) {
        _cleanup_(json_object_putp) json_object *text = NULL;
        unsigned call;
        int r;

        r = wire_stream_call(ws, index, id, name, signature, &call);
        if (r < 0)
                return r;
        text = wire_part_arguments_text(&(WirePart) { .arguments = arguments });
        return text ? wire_stream_arguments(ws, call, text) : -ENOMEM;
}

int wire_stream_end(WireStream *ws) {
        int r = ws->pass ? 0 : ws->to->write_end(ws);

        if (r < 0)
                return r;
        ws->state = WIRE_ENDED;
        ws->released = ws->ended = true;
        return 0;
}

int wire_stream_refuse(WireStream *ws, json_object *json) {
        ws->error = wire_error_message(WIRE_OPENAI, json);
        if (!ws->error && !(ws->error = strdup("no reason given")))
                return -ENOMEM;
        ws->state = WIRE_FAILED;
        return 0;
}

int wire_stream_send(WireStream *ws, const char *name, json_object *json) {
        _cleanup_(json_object_putp) json_object *owned = json;
        const char *text;
        size_t size;
        int r = 0;

        text = owned ? wire_to_text(owned, &size) : NULL;
        if (!text)
                return -ENOMEM;
        if (!ws->to->lines) {
                if (name && (wire_buffer_add(&ws->output, "event: ", 7) < 0 ||
                             wire_buffer_add(&ws->output, name, strlen(name)) < 0 || wire_buffer_add(&ws->output, "\n", 1) < 0))
                        return -ENOMEM;
                r = wire_buffer_add(&ws->output, "data: ", 6);
        }
        if (r >= 0)
                r = wire_buffer_add(&ws->output, text, size);
        return r < 0 ? r : wire_buffer_add(&ws->output, "\n\n", ws->to->lines ? 1 : 2);
}

static int on_event(const WireEvent *event, void *userdata) {
        WireStream *ws = userdata;
        int r;

        if (ws->state == WIRE_ENDED || ws->state == WIRE_FAILED)
                return 0;
        ws->hide = false;
        if (event->data) {
                r = ws->from->read_event(ws, event);
                if (r < 0)
                        return r;
        }
        if (!ws->pass || ws->hide || ws->state == WIRE_FAILED)
                return 0;
        r = wire_buffer_add(&ws->output, event->raw, event->raw_size);
        if (r >= 0 && !ws->released && ws->output.size > WIRE_EVENT_MAX)
                return -EFBIG;
        return r;
}

int wire_stream_feed(WireStream *ws, const void *data, size_t size) {
        int r;

        if (ws->broken < 0)
                return ws->broken;
        if (ws->ended || ws->state == WIRE_FAILED)
                return 0;
        r = wire_split_feed(&ws->split, data, size, on_event, ws);
        if (r < 0 && ws->state != WIRE_ENDED && ws->state != WIRE_FAILED)
                ws->broken = r;
        return ws->broken;
}

WireState wire_stream_state(const WireStream *ws) {
        return ws->state;
}

const WireUsage *wire_stream_usage(const WireStream *ws) {
        return &ws->reply.usage;
}

const char *wire_stream_error(const WireStream *ws) {
        return ws->state == WIRE_FAILED ? ws->error : NULL;
}

const char *wire_stream_output(const WireStream *ws, size_t *ret_size) {
        *ret_size = ws->released ? ws->output.size : 0;
        return *ret_size > 0 ? wire_buffer_text(&ws->output) : "";
}

void wire_stream_sent(WireStream *ws, size_t size) {
        if (ws->released)
                wire_buffer_take(&ws->output, size);
}

int wire_stream_fail(WireStream *ws, unsigned status, const char *type, const char *message) {
        if (ws->ended)
                return 0;
        if (!ws->released) /* nobody has seen it; the error says all */
                wire_buffer_take(&ws->output, ws->output.size);
        ws->released = ws->ended = true;
        if (ws->state != WIRE_FAILED) {
                free(ws->error);
                ws->error = NULL;
        }
        return wire_stream_send(ws, ws->to->error_event, ws->to->error(status, type, NULL, message));
}
