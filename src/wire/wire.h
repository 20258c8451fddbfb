/* SPDX-License-Identifier: MIT */
#pragma once

/* The wire formats of chat models, and what becomes of one when the other end speaks another. No input or output, no clock and
 * no state outside of what the caller holds. Where both ends speak the same, everything passes unchanged but the model's name
 * (and, for OpenAI's streams, stream_options.include_usage): fields that nobody here knows are kept.
 *
 * Sources: OpenAI "Chat Completions", Anthropic "Messages" (version 2023-06-01), Ollama "/api/chat", Google "generateContent"
 * (v1beta). What another format cannot say is an error that names the field, never left out silently, except for hints that
 * change no answer's meaning (metadata, user, service_tier, logprobs asked as false) and the thinking of earlier answers, which
 * vendors take from nobody but themselves. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

typedef enum WireFormat {
        WIRE_OPENAI,
        WIRE_ANTHROPIC,
        WIRE_OLLAMA,
        WIRE_GEMINI, /* of upstreams only */
        _WIRE_MAX,
} WireFormat;

const char *wire_format_to_string(WireFormat format); /* "openai", "anthropic", "ollama", "gemini" */
int wire_format_from_string(const char *s);           /* -EINVAL */

typedef struct WireUsage {
        int64_t in, out;      /* in: all of the prompt, cached and cache-written ones included; out: reasoning included */
        int64_t cached, cache_write, reasoning;
        bool reported;        /* false: the upstream said nothing of it, or nothing that holds: */
        bool invalid;         /* some of what it said is no count (negative, a text) */
} WireUsage;

/* What a request asks for, as far as choosing an upstream needs it. Strings belong to the request's body. */
typedef struct WireAsk {
        const char *model;       /* NULL when it names none */
        const char *user;        /* NULL when it names none */
        bool stream;
        bool tools, vision, json, reasoning; /* abilities that it needs */
        int64_t max_tokens;      /* -1 when it sets none */
        size_t prompt_bytes;     /* of all texts, and 8 for each message: an upper bound of the prompt's tokens, as each has
                                  * a byte at least and what stands between messages has a few */
        size_t n_images;
        unsigned choices;        /* n of OpenAI, else 1 */
} WireAsk;

/* Checks a client's request. -EBADMSG and *ret_why ("messages: an array is expected"; the caller frees) when it is none;
 * -ENOMEM. */
int wire_ask(WireFormat from, json_object *body, WireAsk *ret, char **ret_why);

/* The body for the upstream; the caller puts *ret. max_tokens is set in it where it has none and the upstream's format demands
 * one (0: leave it out where that may be). -EOPNOTSUPP and *ret_why when `to` cannot say it. `body` stays as it is. */
int wire_request(WireFormat from, WireFormat to, json_object *body, const char *model, int64_t max_tokens, json_object **ret,
                 char **ret_why);
/* The path below the base URL: "/chat/completions", "/v1/messages", "/api/chat", "/v1beta/models/MODEL:generateContent" or
 * ":streamGenerateContent?alt=sse". The caller frees; NULL without memory. Base URLs are as the vendors' SDKs have them:
 * OpenAI's ends in /v1, the others' have no path. */
char *wire_path(WireFormat to, const char *model, bool stream);
/* The field by which the key is sent, "Authorization: Bearer KEY", "x-api-key: KEY" or "x-goog-api-key: KEY". The caller
 * wipes and frees; NULL without memory. */
char *wire_auth(WireFormat to, const char *key);
/* A further field that every request carries ("anthropic-version: 2023-06-01"), or NULL. */
const char *wire_extra_field(WireFormat to);

/* The client's body for an upstream's success. -EREMOTEIO when it holds an error after all, see wire_error_message(); -EBADMSG
 * when it is none of `from`'s answers. model: what the client is told; NULL for the upstream's word. id: for formats whose answer
 * needs one that the upstream's has not; created: seconds. */
int wire_answer(WireFormat from, WireFormat to, json_object *answer, const char *model, const char *id, int64_t created,
                json_object **ret, WireUsage *ret_usage);

/* Bytes of all its texts, as wire_stream_content_bytes() has them of a stream; errors as wire_answer(). */
int wire_answer_content_bytes(WireFormat from, json_object *answer, size_t *ret);

/* What an upstream says of its failure, for people; NULL when its body says nothing. The caller frees. */
char *wire_error_message(WireFormat from, json_object *body);
/* A failure as the client's format has it, in the vendor's own shape and words for that status. type and code may be NULL
 * for the vendor's usual ones. The caller puts; NULL without memory. */
json_object *wire_error(WireFormat to, unsigned status, const char *type, const char *code, const char *message);
const char *wire_content_type(WireFormat to, bool stream); /* "text/event-stream", or "application/x-ndjson" for Ollama */

/* --- Streams --- */

/* Takes an upstream's stream and makes the client's of it, event by event as they come. Same formats: events pass byte by byte
 * (but the model's name stays the upstream's), and only the final usage chunk that the client did not ask for is taken out. */
typedef struct WireStream WireStream;

#define WIRE_EVENT_MAX ((size_t) 4 * 1024 * 1024) /* bytes of one event; more is -EFBIG */

typedef struct WireStreamOptions {
        WireFormat from, to;
        const char *model, *id; /* as with wire_answer(); copied */
        int64_t created;
        bool include_usage;     /* the client asked for OpenAI's usage chunk */
} WireStreamOptions;

typedef enum WireState {
        WIRE_BEFORE,  /* nothing of the answer's content has come */
        WIRE_CONTENT, /* some has */
        WIRE_ENDED,   /* the format's own end has come; what follows is thrown away */
        WIRE_FAILED,  /* the upstream sent an error event */
} WireState;

int wire_stream_new(const WireStreamOptions *options, WireStream **ret);
WireStream *wire_stream_free(WireStream *ws);
TL_DEFINE_CLEANUP(WireStream *, wire_stream_free)

/* Takes bytes of the upstream; what they give for the client is added to wire_stream_output(). -EBADMSG when they are not of
 * the format, -EFBIG, -ENOMEM: the stream is of no further use but for wire_stream_fail(). */
int wire_stream_feed(WireStream *ws, const void *data, size_t size);
WireState wire_stream_state(const WireStream *ws);
const WireUsage *wire_stream_usage(const WireStream *ws);
/* Bytes of all texts that came (thinking and arguments of tools too): what an estimate goes by where there is no usage. */
size_t wire_stream_content_bytes(const WireStream *ws);
/* The upstream's words for WIRE_FAILED; NULL else. */
const char *wire_stream_error(const WireStream *ws);
/* What waits to be sent to the client, in whole events; wire_stream_sent() takes size bytes off its front. Nothing before the
 * first byte of content or the end, so that until then another upstream can be asked. */
const char *wire_stream_output(const WireStream *ws, size_t *ret_size);
void wire_stream_sent(WireStream *ws, size_t size);
/* Ends the client's stream with its format's error event. */
int wire_stream_fail(WireStream *ws, unsigned status, const char *type, const char *message);
