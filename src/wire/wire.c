/* SPDX-License-Identifier: MIT */
#include "wire/wire-internal.h"

#include <stdio.h>

static const WireCodec *const codecs[_WIRE_MAX] = {
        [WIRE_OPENAI] = &wire_openai,
        [WIRE_ANTHROPIC] = &wire_anthropic,
        [WIRE_OLLAMA] = &wire_ollama,
        [WIRE_GEMINI] = &wire_gemini,
};

const WireCodec *wire_codec(WireFormat format) {
        return (unsigned) format < _WIRE_MAX ? codecs[format] : NULL;
}

const char *wire_format_to_string(WireFormat format) {
        return (unsigned) format < _WIRE_MAX ? codecs[format]->name : NULL;
}

int wire_format_from_string(const char *s) {
        for (int i = 0; i < _WIRE_MAX; i++)
                if (s && streq(s, codecs[i]->name))
                        return i;
        return -EINVAL;
}

int wire_ask(WireFormat from, json_object *body, WireAsk *ret, char **ret_why) {
        const WireCodec *codec = wire_codec(from);
        WireAsk ask = { .max_tokens = -1, .choices = 1 };
        int r;

        if (!codec || !codec->ask)
                return wire_why(ret_why, -EBADMSG, "no client speaks this format");
        r = wire_ask_head(body, from == WIRE_OLLAMA, &ask, ret_why);
        if (r >= 0)
                r = codec->ask(body, &ask, ret_why);
        if (r < 0)
                return r;
        *ret = ask;
        return 0;
}

static int pass_request(const WireCodec *codec, json_object *body, const char *model, int64_t max_tokens, json_object **ret,
                        char **ret_why) {
        _cleanup_(json_object_putp) json_object *copy = wire_shallow_copy(body);
        int r = 0;

        wire_set_string(&copy, "model", model);
        if (!copy)
                return -ENOMEM;
        if (codec->pass_request)
                r = codec->pass_request(&copy, max_tokens, ret_why);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

static int translate_request(const WireCodec *from, const WireCodec *to, json_object *body, const char *model,
                             int64_t max_tokens, json_object **ret, char **ret_why) {
        _cleanup_(wire_chat_done) WireChat chat = { .max_tokens = -1, .model = model, .default_tokens = max_tokens, .to = to };
        int r;

        r = from->read_request(body, &chat, ret_why);
        if (r >= 0 && to->objects)
                r = wire_chat_objects(&chat, ret_why);
        return r < 0 ? r : to->write_request(&chat, ret, ret_why);
}

int wire_request(WireFormat from, WireFormat to, json_object *body, const char *model, int64_t max_tokens, json_object **ret,
                 char **ret_why) {
        const WireCodec *f = wire_codec(from), *t = wire_codec(to);

        if (!f || !t || !f->ask)
                return wire_why(ret_why, -EOPNOTSUPP, "no client speaks this format");
        if (f == t)
                return pass_request(f, body, model, max_tokens, ret, ret_why);
        return translate_request(f, t, body, model, max_tokens, ret, ret_why);
}

/* A name in a path: "models/" may stand before it, as Google's lists have them, and nothing in it leads elsewhere. */
static char *gemini_path(const char *model, bool stream) {
        const char *name = startswith(model, "models/") ? model + strlen("models/") : model;
        _cleanup_(freep) char *escaped = malloc(strlen(name) * 3 + 1);
        char *e = escaped;

        if (!escaped)
                return NULL;
        for (; *name; name++) {
                unsigned char c = (unsigned char) *name;

                if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c))
                        *e++ = *name;
                else
                        e += sprintf(e, "%%%02X", c);
        }
        *e = '\0';
        return str_printf("/v1beta/models/%s:%s", escaped, stream ? "streamGenerateContent?alt=sse" : "generateContent");
}

char *wire_path(WireFormat to, const char *model, bool stream) {
        switch (to) {
        case WIRE_OPENAI:
                return strdup("/chat/completions");
        case WIRE_ANTHROPIC:
                return strdup("/v1/messages");
        case WIRE_OLLAMA:
                return strdup("/api/chat");
        default:
                return gemini_path(model, stream);
        }
}

char *wire_auth(WireFormat to, const char *key) {
        switch (to) {
        case WIRE_ANTHROPIC:
                return str_printf("x-api-key: %s", key);
        case WIRE_GEMINI:
                return str_printf("x-goog-api-key: %s", key);
        default:
                return str_printf("Authorization: Bearer %s", key);
        }
}

const char *wire_extra_field(WireFormat to) {
        return to == WIRE_ANTHROPIC ? "anthropic-version: 2023-06-01" : NULL;
}

const char *wire_content_type(WireFormat to, bool stream) {
        if (!stream)
                return "application/json";
        return to == WIRE_OLLAMA ? "application/x-ndjson" : "text/event-stream";
}

static int pass_answer(json_object *answer, const char *model, json_object **ret) {
        json_object *copy = wire_shallow_copy(answer);

        if (model)
                wire_set_string(&copy, "model", model);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

/* What the upstream has not said of itself, and what the client is to be told instead. */
static int complete_reply(WireReply *reply, const char *model, const char *id, int64_t created) {
        size_t calls = 0;

        if (model) {
                (void) json_object_put(reply->model);
                reply->model = json_object_new_string(model);
        } else if (!reply->model)
                reply->model = json_object_new_string("");
        if (!reply->id)
                reply->id = json_object_new_string(strempty(id));
        if (reply->created <= 0)
                reply->created = created;
        for (size_t i = 0; i < reply->message.n_parts && reply->id; i++) {
                WirePart *part = reply->message.parts + i;

                if (part->kind != WIRE_PART_CALL)
                        continue;
                if (!part->id && !(part->id = wire_call_id(json_object_get_string(reply->id), calls)))
                        return -ENOMEM;
                calls++;
        }
        reply->finish = wire_finish(reply, calls > 0);
        return reply->model && reply->id ? 0 : -ENOMEM;
}

/* Other formats have arguments as an object, and an upstream's text may be none. */
static int reply_objects(WireReply *reply) {
        for (size_t i = 0; i < reply->message.n_parts; i++) {
                WirePart *part = reply->message.parts + i;
                json_object *arguments;
                int r;

                if (part->kind != WIRE_PART_CALL)
                        continue;
                r = wire_part_arguments(part, &arguments);
                if (r < 0)
                        return r;
                (void) json_object_put(part->arguments);
                part->arguments = arguments;
        }
        return 0;
}

/* Some that stand before others say 200 and an error. */
static int read_answer(const WireCodec *from, json_object *answer, WireReply *reply, bool pass) {
        return wire_field(answer, "error") ? -EREMOTEIO : from->read_answer(answer, reply, pass);
}

int wire_answer(WireFormat from, WireFormat to, json_object *answer, const char *model, const char *id, int64_t created,
                json_object **ret, WireUsage *ret_usage) {
        const WireCodec *f = wire_codec(from), *t = wire_codec(to);
        _cleanup_(wire_reply_done) WireReply reply = {};
        int r;

        if (!f || !t || !t->ask)
                return -EINVAL;
        r = read_answer(f, answer, &reply, f == t);
        if (r < 0)
                return r;
        if (f == t)
                r = pass_answer(answer, model, ret);
        else {
                r = complete_reply(&reply, model, id, created);
                if (r >= 0 && t->objects)
                        r = reply_objects(&reply);
                if (r >= 0)
                        r = t->write_answer(&reply, ret);
        }
        if (r >= 0)
                *ret_usage = reply.usage;
        return r;
}

int wire_answer_content_bytes(WireFormat from, json_object *answer, size_t *ret) {
        const WireCodec *f = wire_codec(from);
        _cleanup_(wire_reply_done) WireReply reply = {};
        size_t bytes = 0;
        int r;

        if (!f)
                return -EINVAL;
        r = read_answer(f, answer, &reply, false);
        if (r < 0)
                return r;
        for (size_t i = 0; i < reply.message.n_parts; i++)
                bytes += wire_ask_text(reply.message.parts[i].text) + wire_ask_text(reply.message.parts[i].arguments);
        *ret = bytes;
        return 0;
}

/* One shape for all: {error:{message}} of OpenAI, Anthropic and Google, {error:"..."} of Ollama, {message} and {detail} of what
 * only speaks like OpenAI, and each of them in an array, as Google's streams have it. */
char *wire_error_message(WireFormat from, json_object *body) {
        json_object *error;
        const char *message;

        if (json_object_is_type(body, json_type_array))
                body = json_object_array_get_idx(body, 0);
        error = wire_field(body, "error");
        message = json_object_is_type(error, json_type_string) ? json_object_get_string(error) : wire_string(error, "message");
        if (!message)
                message = wire_string(body, "message");
        if (!message)
                message = wire_string(body, "detail");
        return message && *message ? strdup(message) : NULL;
}

json_object *wire_error(WireFormat to, unsigned status, const char *type, const char *code, const char *message) {
        const WireCodec *codec = wire_codec(to);

        return codec ? codec->error(status, type, code, message) : NULL;
}
