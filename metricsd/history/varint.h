/* SPDX-License-Identifier: MIT */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* Whole numbers in as few bytes as they need: seven bits each, the lowest first, the top bit set on all but the last. */
#define VARINT_MAX 10

static inline uint8_t *varint_put(uint8_t *to, uint64_t number) {
        for (; number >= 0x80; number >>= 7)
                *to++ = (uint8_t) (number | 0x80);
        *to++ = (uint8_t) number;
        return to;
}

/* Bytes yet to be read. */
typedef struct ByteReader {
        const uint8_t *at, *end;
} ByteReader;

static inline size_t bytes_left(const ByteReader *reader) {
        return (size_t) (reader->end - reader->at);
}

/* -EBADMSG for one that is cut off, or that 64 bits do not hold. */
static inline int varint_get(ByteReader *reader, uint64_t *ret) {
        uint64_t number = 0;

        for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
                uint8_t byte = *reader->at++;

                if (shift == 63 && byte > 1)
                        return -EBADMSG;
                number |= (uint64_t) (byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = number;
                        return 0;
                }
        }
        return -EBADMSG;
}

/* Small numbers, whatever their sign, become small ones without a sign. */
static inline uint64_t zigzag(int64_t number) {
        return ((uint64_t) number << 1) ^ (number < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t number) {
        return (int64_t) (number >> 1 ^ (0 - (number & 1)));
}
