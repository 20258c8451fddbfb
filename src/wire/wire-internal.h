/* SPDX-License-Identifier: MIT */
#pragma once

/* What all formats are read into and written from, so that n of them need n readers and n writers. Texts stay the JSON strings
 * that they came as, counted by reference: an image of megabytes is not copied. */

#include "basic/string-util.h"
#include "wire/wire-json.h"
#include "wire/wire-split.h"
#include "wire/wire.h"

typedef enum WirePartKind {
        WIRE_PART_TEXT,
        WIRE_PART_THINKING, /* of answers; earlier ones are told to nobody else */
        WIRE_PART_IMAGE,
        WIRE_PART_CALL,
        WIRE_PART_RESULT,
} WirePartKind;

typedef struct WirePart {
        WirePartKind kind;
        bool failed;            /* a result: the tool says so */
        json_object *text;      /* also of results; an image's base64, or its URL when it has no type */
        json_object *type;      /* an image's media type */
        json_object *id, *name; /* of calls and results */
        json_object *arguments; /* of a call: an object, or a string that should hold one */
        json_object *signature; /* of a call (Gemini); thinking's goes nowhere but from Anthropic to Anthropic */
} WirePart;

typedef enum WireRole {
        WIRE_SYSTEM,
        WIRE_USER, /* results of tools too */
        WIRE_ASSISTANT,
} WireRole;

typedef struct WireMessage {
        WireRole role;
        WirePart *parts;
        size_t n_parts;
} WireMessage;

typedef struct WireTool {
        json_object *name, *description, *parameters; /* the latter two may be NULL */
} WireTool;

typedef enum WireChoice {
        WIRE_CHOICE_UNSET,
        WIRE_CHOICE_AUTO,
        WIRE_CHOICE_NONE,
        WIRE_CHOICE_REQUIRED,
        WIRE_CHOICE_NAMED,
} WireChoice;

typedef enum WireEffort {
        WIRE_EFFORT_UNSET,
        WIRE_EFFORT_OFF,
        WIRE_EFFORT_LOW,
        WIRE_EFFORT_MEDIUM,
        WIRE_EFFORT_HIGH,
        WIRE_EFFORT_ON, /* as much as the model thinks right */
} WireEffort;

typedef struct WireChat {
        WireMessage *messages;
        size_t n_messages;
        size_t n_searched, caller; /* up to where calls were looked for; the last message with some, counted from 1 */
        WireTool *tools;
        size_t n_tools;
        WireChoice choice;
        json_object *choice_name;
        bool one_call, stream, json; /* one_call: no parallel ones */
        json_object *schema, *schema_name, *schema_strict; /* with `json`; may be NULL */
        json_object *temperature, *top_p, *top_k, *seed, *frequency_penalty, *presence_penalty;
        json_object *stop; /* an array of strings; a reference of its own, while all others are the body's */
        json_object *user;
        WireEffort effort;
        int64_t thinking_tokens; /* with an effort; 0 when it was not counted */
        int64_t max_tokens;      /* -1: none */
        const char *model;       /* of the request that is written; borrowed, as is the format's description */
        int64_t default_tokens;  /* for formats that demand max_tokens; 0: none */
        const struct WireCodec *to;
} WireChat;

void wire_chat_done(WireChat *chat);
WireMessage *wire_chat_message(WireChat *chat, WireRole role); /* a new one at the end; NULL without memory */
WireTool *wire_chat_tool(WireChat *chat);
/* A new part at the end, with its own reference of text, which may be NULL. */
WirePart *wire_message_part(WireMessage *message, WirePartKind kind, json_object *text);
/* The same with what the kind has. 0 or -ENOMEM. */
int wire_message_text(WireMessage *message, json_object *text); /* nothing for NULL */
int wire_message_call(WireMessage *message, json_object *id, json_object *name, json_object *arguments, json_object *signature);
int wire_message_image(WireMessage *message, json_object *type, json_object *text);
/* text, a JSON string, is taken over. The name is that of the call it answers, where the last one with calls has that. */
int wire_chat_result(WireChat *chat, WireMessage *message, json_object *id, json_object *text, bool failed);
WireMessage *wire_chat_caller(WireChat *chat); /* the last message with calls, whose results stand right behind it; or NULL */
json_object *wire_part_arguments_text(const WirePart *part);      /* a new reference; NULL without memory */
int wire_part_arguments(const WirePart *part, json_object **ret); /* -EBADMSG: they are no object */
int wire_chat_objects(WireChat *chat, char **ret_why);            /* makes them objects, of all calls */
bool wire_message_has(const WireMessage *message, WirePartKind kind);
/* The texts of all parts of that kind; a new reference, "" for none; NULL without memory. Parts of a request are apart (a line
 * between two), those of an answer follow each other as they do in streams. */
json_object *wire_message_joined(const WireMessage *message, WirePartKind kind, const char *between);
/* The former for an array of {type:"text", text} as OpenAI and Anthropic have it, or a string; where: for *ret_why. */
int wire_joined_blocks(const WireChat *chat, json_object *content, const char *where, json_object **ret, char **ret_why);

/* -EOPNOTSUPP and *ret_why: the other format cannot say that field. */
int wire_cannot(const WireChat *chat, char **ret_why, const char *format, ...) _printf_(3, 4);
/* For a field that no list has (NULL ends it) and whose value asks for something. where: what stands before its name. */
int wire_check_fields(const WireChat *chat, json_object *object, const char *const *known, const char *where, char **ret_why);
/* For formats with a place of its own for the system's words: they come first. Images are the user's alone. */
int wire_check_order(const WireChat *chat, char **ret_why);
/* How many tokens of thinking an effort is, where a format counts them; and which effort that many are. */
int64_t wire_effort_tokens(WireEffort effort);
WireEffort wire_effort_of(int64_t tokens);
int wire_read_stop(WireChat *chat, json_object *value);

typedef enum WireFinish {
        WIRE_FINISH_UNSET,
        WIRE_FINISH_STOP,
        WIRE_FINISH_SEQUENCE, /* one of the stop sequences */
        WIRE_FINISH_LENGTH,
        WIRE_FINISH_CALLS,
        WIRE_FINISH_FILTER,   /* the upstream kept it back, or broke it off for reasons of its own */
} WireFinish;

/* What an answer is, and what of a stream is known so far. */
typedef struct WireReply {
        WireMessage message;
        json_object *id, *model;
        json_object *sequence; /* the one that WIRE_FINISH_SEQUENCE is about; may be NULL */
        WireFinish finish;
        int64_t created;
        WireUsage usage;
} WireReply;

void wire_reply_done(WireReply *reply);
/* What the reason is, for upstreams that say no more than that they have stopped. */
WireFinish wire_finish(const WireReply *reply, bool calls);
/* An id for the n-th call of an answer that has none of its own; NULL without memory. */
json_object *wire_call_id(const char *answer_id, size_t n);

/* --- Requests as they come --- */

/* Model, stream (as it is where the request does not say), and messages that are objects with a role. */
int wire_ask_head(json_object *body, bool stream, WireAsk *ask, char **ret_why);
/* ask->max_tokens, of a field that may be missing. */
int wire_ask_max_tokens(json_object *object, const char *key, WireAsk *ask, char **ret_why);
/* No text, but tokens all the same: roles, and what stands between messages. More than any vendor's template takes. */
#define WIRE_ASK_FRAME 8
size_t wire_ask_text(json_object *value);  /* bytes of a string, of JSON as text; 0 for NULL */

/* --- Streams --- */

typedef enum WireDeltaKind {
        WIRE_DELTA_TEXT,
        WIRE_DELTA_THINKING,
        WIRE_DELTA_CALL,      /* begins one */
        WIRE_DELTA_ARGUMENTS, /* a piece of its arguments' text */
} WireDeltaKind;

typedef struct WireDelta {
        WireDeltaKind kind;
        unsigned call;     /* which, counted from 0 as they begin */
        json_object *text; /* all but WIRE_DELTA_CALL; these are borrowed */
        json_object *id, *name, *signature; /* of WIRE_DELTA_CALL; all but the name may be NULL */
} WireDelta;

/* A call as the upstream's stream tells it from others. */
typedef struct WireCallKey {
        int64_t index;
        json_object *id;
} WireCallKey;

#define WIRE_CALLS_MAX 1024

typedef struct WireWriter WireWriter; /* what a format's writer remembers: its own struct */

struct WireStream {
        const struct WireCodec *from, *to;
        bool pass;          /* same formats */
        bool include_usage;
        char *model, *id;   /* may be NULL */

        json_tokener *tokener;
        WireSplit split;
        WireState state;
        size_t content_bytes;
        bool hide;          /* the event that is read does not pass */
        int broken;         /* what the first bad feed returned */
        char *error;
        WireReply reply;    /* what has no place in deltas: id, model, finish, usage */
        WireCallKey *calls;
        size_t n_calls;

        WireBuffer output;
        bool released;      /* the client may see it */
        bool ended;         /* nothing can follow for the client */
        WireWriter *writer;
};

/* For readers. */
int wire_stream_parse(WireStream *ws, const WireEvent *event, json_object **ret); /* an object, else -EBADMSG */
int wire_stream_head(WireStream *ws, json_object *id, json_object *model); /* the first that is known stays */
int wire_stream_delta(WireStream *ws, const WireDelta *delta);
int wire_stream_text(WireStream *ws, WireDeltaKind kind, json_object *text); /* nothing for NULL and "" */
/* The call of that index and id (NULL where the format has none); a new one begins where there is none such. */
int wire_stream_call(WireStream *ws, int64_t index, json_object *id, json_object *name, json_object *signature,
                     unsigned *ret_call);
bool wire_stream_knows_call(const WireStream *ws, int64_t index);
int wire_stream_arguments(WireStream *ws, unsigned call, json_object *text);
/* Both for a call that comes in one piece, with its arguments as an object (NULL for none). */
int wire_stream_whole_call(WireStream *ws, int64_t index, json_object *id, json_object *name, json_object *signature,
                           json_object *arguments);
void wire_stream_touch(WireStream *ws); /* content that no delta is made of */
int wire_stream_end(WireStream *ws);
int wire_stream_refuse(WireStream *ws, json_object *json); /* the upstream's error */
/* For writers: what the client is told of the answer ("" for nothing); one event. Takes json over, which may be NULL without memory. */
const char *wire_stream_model(const WireStream *ws);
const char *wire_stream_id(const WireStream *ws);
int wire_stream_send(WireStream *ws, const char *name, json_object *json);

/* A format. What only clients' formats have is NULL in others. */
typedef struct WireCodec {
        const char *name, *vendor;
        bool lines;   /* streams are lines of JSON, not server-sent events */
        bool objects; /* a call's arguments are an object, not text */

        int (*ask)(json_object *body, WireAsk *ask, char **ret_why);
        /* Changes what passing on needs, in a copy that shares its values. */
        int (*pass_request)(json_object **body, int64_t max_tokens, char **ret_why);
        int (*read_request)(json_object *body, WireChat *chat, char **ret_why);
        int (*write_request)(const WireChat *chat, json_object **ret, char **ret_why);

        int (*read_answer)(json_object *answer, WireReply *reply, bool pass); /* pass: no more than usage is needed */
        int (*write_answer)(const WireReply *reply, json_object **ret);

        int (*read_event)(WireStream *ws, const WireEvent *event);
        int (*write_delta)(WireStream *ws, const WireDelta *delta);
        int (*write_end)(WireStream *ws);
        void (*free_writer)(WireWriter *writer);

        json_object *(*error)(unsigned status, const char *type, const char *code, const char *message);
        const char *error_event; /* its name in streams */
} WireCodec;

const WireCodec *wire_codec(WireFormat format); /* NULL for none */

extern const WireCodec wire_openai, wire_anthropic, wire_ollama, wire_gemini;
