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
        json_object *signature; /* of thinking (Anthropic) and calls (Gemini) */
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
        WireTool *tools;
        size_t n_tools;
        WireChoice choice;
        json_object *choice_name;
        bool one_call, stream, json; /* one_call: no parallel ones */
        json_object *schema, *schema_name, *schema_strict; /* with `json`; may be NULL */
        json_object *temperature, *top_p, *top_k, *seed, *frequency_penalty, *presence_penalty;
        json_object *stop; /* an array of strings */
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
/* A new part at the end. Both references are the part's own (text may be NULL). */
WirePart *wire_message_part(WireMessage *message, WirePartKind kind, json_object *text);
json_object *wire_part_arguments_text(const WirePart *part);          /* a new reference; NULL without memory */
int wire_part_arguments(const WirePart *part, json_object **ret);     /* -EBADMSG: they are no object */

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
        WIRE_DELTA_SIGNATURE, /* of the thinking that came last */
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
int wire_stream_arguments(WireStream *ws, unsigned call, json_object *text);
int wire_stream_end(WireStream *ws);
int wire_stream_refuse(WireStream *ws, json_object *json); /* the upstream's error */
/* For writers: one event. Takes json over, which may be NULL without memory. */
int wire_stream_send(WireStream *ws, const char *name, json_object *json);

/* A format. What only clients' formats have is NULL in others. */
typedef struct WireCodec {
        const char *name, *vendor;
        bool lines; /* streams are lines of JSON, not server-sent events */

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

extern const WireCodec wire_openai;
