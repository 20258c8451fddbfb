/* SPDX-License-Identifier: MIT */
#pragma once

/* Events out of bytes that come in pieces of any size: server-sent events, or lines of JSON. One place for both, as all that
 * differs is what ends an event and what of it is data. */

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"

typedef struct WireBuffer {
        char *bytes;
        size_t begin, size, space; /* size: from begin on */
} WireBuffer;

void wire_buffer_done(WireBuffer *b);
int wire_buffer_add(WireBuffer *b, const void *data, size_t size); /* -ENOMEM */
void wire_buffer_take(WireBuffer *b, size_t size);

static inline const char *wire_buffer_text(const WireBuffer *b) {
        return b->bytes ? b->bytes + b->begin : "";
}

static inline bool wire_is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

typedef struct WireEvent {
        const char *raw;  /* as it came, with what ends it */
        size_t raw_size;
        const char *name; /* of its field "event"; "" without */
        const char *data; /* NULL when it has none: comments, a blank line */
        size_t size;
} WireEvent;

typedef struct WireSplit {
        bool lines;      /* an event is a line */
        size_t event_max;
        WireBuffer raw;  /* of the event that is not whole yet */
        WireBuffer data; /* values of its data fields, each with a newline behind it */
        size_t line, at; /* offsets in raw: where the line begins, and how far it has been looked at */
        char name[32];   /* longer ones are no names of ours */
        bool started, lone_cr, after_cr;
} WireSplit;

/* What it returns ends the feeding when negative. */
typedef int (*wire_split_event_t)(const WireEvent *event, void *userdata);

/* -EFBIG for an event of more than event_max bytes; -ENOMEM; what `event` says. */
int wire_split_feed(WireSplit *split, const void *data, size_t size, wire_split_event_t event, void *userdata);
void wire_split_done(WireSplit *split);
