/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Follows WebSocket frames (RFC 6455 5.2) in a stream of bytes, only to know where one ends: between two frames a control
 * frame can be put in. Start from zeroes. */
typedef struct Frames {
        uint8_t head[14];
        unsigned head_size;
        uint64_t payload; /* bytes of it that are still to come */
        bool closed;      /* a Close has passed: nothing may follow */
} Frames;

void frames_pass(Frames *f, const void *data, size_t size);

/* A frame ends here, and the stream goes on. */
static inline bool frames_at_boundary(const Frames *f) {
        return f->head_size == 0 && f->payload == 0 && !f->closed;
}
