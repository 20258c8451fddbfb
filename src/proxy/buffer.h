/* SPDX-License-Identifier: MIT */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"

/* Bytes on their way: what comes in at the end goes out at the beginning. */
typedef struct Buffer {
        char *bytes;
        size_t begin, end, space;
} Buffer;

static inline size_t buffer_size(const Buffer *b) {
        return b->end - b->begin;
}

static inline void buffer_done(Buffer *b) {
        free(b->bytes);
        *b = (Buffer) {};
}

/* The memory stays where it is little. */
static inline void buffer_clear(Buffer *b, size_t keep) {
        if (b->space > keep)
                buffer_done(b);
        b->begin = b->end = 0;
}

/* Grows to what is needed, at least `first` bytes. */
static inline int buffer_append(Buffer *b, const void *data, size_t size, size_t first) {
        if (b->space - b->end < size && b->begin > 0) {
                (void) memmove(b->bytes, b->bytes + b->begin, buffer_size(b));
                b->end -= b->begin;
                b->begin = 0;
        }
        if (b->space - b->end < size) {
                size_t space = MAX(MAX(b->space * 2, first), b->end + size);
                char *grown = realloc(b->bytes, space);

                if (!grown)
                        return -ENOMEM;
                b->bytes = grown;
                b->space = space;
        }
        (void) memcpy(b->bytes + b->end, data, size);
        b->end += size;
        return 0;
}

/* The first size bytes, with a NUL behind them. NULL without memory; the caller frees. */
static inline char *buffer_copy(const Buffer *b, size_t size) {
        char *copy = malloc(size + 1);

        if (copy)
                *(char *) mempcpy(copy, b->bytes + b->begin, size) = '\0';
        return copy;
}

static inline size_t buffer_take(Buffer *b, char *data, size_t max) {
        size_t n = MIN(max, buffer_size(b));

        if (n == 0)
                return 0;
        (void) memcpy(data, b->bytes + b->begin, n);
        b->begin += n;
        if (b->begin == b->end)
                b->begin = b->end = 0;
        return n;
}
