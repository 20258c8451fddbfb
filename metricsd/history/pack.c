/* SPDX-License-Identifier: MIT */
#include "pack.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "varint.h"

/* 4 KiB see all of what an hour makes, and cost little memory. */
#define WINDOW_BITS 12
#define MEMORY_LEVEL 6

/* So many equal ones in a row get a token of their own. Fewer are better left to deflate, which sees what repeats beyond
 * them: a tenth off what memory takes. */
#define RUN_MIN 32

/* A number takes up to VARINT_MAX bytes, and no token or gap begins without one. */
#define BODY_MAX(n) ((n) * (VARINT_MAX + 4) + 16)

enum {
        HEAD_DEFLATED = 1 << 0,
        HEAD_GAPS = 1 << 1,
};

struct Packer {
        z_stream deflate, inflate;
        bool can_deflate, can_inflate;
        uint8_t body[BODY_MAX(PACK_MAX)];
        uint8_t deflated[BODY_MAX(PACK_MAX)];
};

int packer_new(Packer **ret) {
        Packer *packer = calloc(1, sizeof(Packer));

        if (!packer)
                return -ENOMEM;
        *ret = packer;
        return 0;
}

Packer *packer_free(Packer *packer) {
        if (!packer)
                return NULL;
        if (packer->can_deflate)
                (void) deflateEnd(&packer->deflate);
        if (packer->can_inflate)
                (void) inflateEnd(&packer->inflate);
        free(packer);
        return NULL;
}

/* --- To be written --- */

static uint8_t *put_gaps(uint8_t *to, const int64_t *numbers, size_t n) {
        bool gap = false;

        for (size_t i = 0, run; i < n; i += run, gap = !gap) {
                for (run = 0; i + run < n && (numbers[i + run] == PACK_GAP) == gap; run++)
                        ;
                to = varint_put(to, run);
        }
        return to;
}

static size_t count_run(const uint64_t *values, size_t n) {
        size_t run = 1;

        while (run < n && values[run] == values[0])
                run++;
        return run;
}

static uint8_t *put_tokens(uint8_t *to, const uint64_t *values, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t run = count_run(values + i, n - i), begin = i;

                if (run >= RUN_MIN) {
                        to = varint_put(to, run << 1 | 1);
                        to = varint_put(to, values[i]);
                        i += run;
                        continue;
                }
                for (i += run; i < n && (run = count_run(values + i, n - i)) < RUN_MIN; i += run)
                        ;
                to = varint_put(to, (i - begin) << 1);
                for (; begin < i; begin++)
                        to = varint_put(to, values[begin]);
        }
        return to;
}

/* Differences without sign, for those may wrap. */
static size_t make_body(uint8_t *body, const int64_t *numbers, size_t n) {
        uint64_t values[PACK_MAX], last = 0;
        uint8_t *end = body;
        size_t m = 0;

        for (size_t i = 0; i < n; i++) {
                if (numbers[i] == PACK_GAP)
                        continue;
                values[m++] = zigzag((int64_t) ((uint64_t) numbers[i] - last));
                last = (uint64_t) numbers[i];
        }
        if (m < n)
                end = put_gaps(end, numbers, n);
        return (size_t) (put_tokens(end, values, m) - body);
}

/* -ENOSPC when it would be no smaller. */
static int deflate_body(Packer *packer, size_t size, size_t *ret_size) {
        z_stream *z = &packer->deflate;
        int r;

        if (!packer->can_deflate) {
                r = deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_FILTERED);
                if (r != Z_OK)
                        return -ENOMEM;
                packer->can_deflate = true;
        }
        z->next_in = packer->body + 1;
        z->avail_in = (uInt) (size - 1);
        z->next_out = packer->deflated + 1;
        z->avail_out = (uInt) (size - 2);
        r = deflate(z, Z_FINISH);
        *ret_size = (size_t) (z->next_out - packer->deflated);
        if (deflateReset(z) != Z_OK)
                return -EIO;
        return r == Z_STREAM_END ? 0 : -ENOSPC;
}

int pack(Packer *packer, const int64_t *numbers, size_t n, const uint8_t **ret, size_t *ret_size) {
        size_t size, deflated;
        uint8_t head = 0;
        int r;

        if (n > PACK_MAX)
                return -E2BIG;
        *ret = packer->body;
        *ret_size = 0;
        if (n == 0)
                return 0;
        for (size_t i = 0; i < n && !(head & HEAD_GAPS); i++)
                if (numbers[i] == PACK_GAP)
                        head |= HEAD_GAPS;
        size = 1 + make_body(packer->body + 1, numbers, n);
        packer->body[0] = head;
        *ret_size = size;
        r = size > 2 ? deflate_body(packer, size, &deflated) : -ENOSPC;
        if (r == -ENOSPC)
                return 0;
        if (r < 0)
                return r;
        packer->deflated[0] = head | HEAD_DEFLATED;
        *ret = packer->deflated;
        *ret_size = deflated;
        return 0;
}

/* --- To be read --- */

/* Puts what the body is into packer->body; it may be as big as n numbers can make it. */
static int inflate_body(Packer *packer, const uint8_t *data, size_t size, size_t n, ByteReader *ret) {
        z_stream *z = &packer->inflate;
        int r;

        if (!packer->can_inflate) {
                if (inflateInit2(z, -WINDOW_BITS) != Z_OK)
                        return -ENOMEM;
                packer->can_inflate = true;
        }
        z->next_in = (uint8_t *) data; /* which zlib only reads */
        z->avail_in = (uInt) size;
        z->next_out = packer->body;
        z->avail_out = (uInt) BODY_MAX(n);
        r = inflate(z, Z_FINISH);
        *ret = (ByteReader) { .at = packer->body, .end = z->next_out };
        if (inflateReset(z) != Z_OK)
                return -EIO;
        if (r == Z_MEM_ERROR)
                return -ENOMEM;
        return r == Z_STREAM_END && z->avail_in == 0 ? 0 : -EBADMSG;
}

/* Marks those that are there with 0; how many these are. */
static int get_gaps(ByteReader *body, int64_t *numbers, size_t n, size_t *ret_there) {
        size_t there = 0;
        uint64_t run;
        bool gap = false;
        int r;

        for (size_t i = 0; i < n; gap = !gap) {
                r = varint_get(body, &run);
                if (r < 0)
                        return r;
                if (run > n - i || (run == 0 && i > 0))
                        return -EBADMSG;
                for (; run > 0; run--) {
                        numbers[i++] = gap ? PACK_GAP : 0;
                        there += !gap;
                }
        }
        *ret_there = there;
        return 0;
}

/* The next one that is no gap becomes the last one and the value. */
static int put_number(uint64_t *last, uint64_t value, int64_t **next) {
        while (**next == PACK_GAP)
                (*next)++;
        *last += (uint64_t) unzigzag(value);
        if ((int64_t) *last == PACK_GAP)
                return -EBADMSG;
        *(*next)++ = (int64_t) *last;
        return 0;
}

static int get_tokens(ByteReader *body, int64_t *next, size_t left) {
        uint64_t token, count, value = 0, last = 0;
        int r = 0;

        while (left > 0) {
                r = varint_get(body, &token);
                if (r < 0)
                        return r;
                count = token >> 1;
                if (count == 0 || count > left)
                        return -EBADMSG;
                left -= count;
                for (uint64_t i = 0; i < count && r >= 0; i++) {
                        if (i == 0 || !(token & 1))
                                r = varint_get(body, &value);
                        if (r >= 0)
                                r = put_number(&last, value, &next);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int unpack(Packer *packer, const void *data, size_t size, int64_t *numbers, size_t n) {
        const uint8_t *bytes = data;
        ByteReader body = { .at = bytes + 1, .end = bytes + size };
        size_t there = n;
        uint8_t head;
        int r = 0;

        if (n > PACK_MAX)
                return -E2BIG;
        if (n == 0 || size == 0)
                return n == 0 && size == 0 ? 0 : -EBADMSG;
        head = bytes[0];
        if (head & ~(HEAD_DEFLATED | HEAD_GAPS))
                return -EBADMSG;
        if (head & HEAD_DEFLATED)
                r = inflate_body(packer, bytes + 1, size - 1, n, &body);
        memset(numbers, 0, n * sizeof(int64_t));
        if (r >= 0 && head & HEAD_GAPS)
                r = get_gaps(&body, numbers, n, &there);
        if (r >= 0)
                r = get_tokens(&body, numbers, there);
        if (r < 0)
                return r;
        return bytes_left(&body) == 0 ? 0 : -EBADMSG;
}
