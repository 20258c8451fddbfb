/* SPDX-License-Identifier: MIT */
#include "proxy/frames.h"

#include "basic/macro.h"

#define OPCODE_CLOSE 8u

/* How long the head is, as far as it has come. */
static unsigned wanted_head(const Frames *f) {
        unsigned size = 2;

        if (f->head_size < 2)
                return size;
        if ((f->head[1] & 0x7f) == 126)
                size += 2;
        else if ((f->head[1] & 0x7f) == 127)
                size += 8;
        return size + ((f->head[1] & 0x80) ? 4 : 0);
}

static uint64_t payload_of(const Frames *f) {
        unsigned n = f->head[1] & 0x7f, bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
        uint64_t payload = bytes > 0 ? 0 : n;

        for (unsigned i = 0; i < bytes; i++)
                payload = payload << 8 | f->head[2 + i];
        return payload;
}

void frames_pass(Frames *f, const void *data, size_t size) {
        const uint8_t *p = data, *end = p + size;

        while (p < end) {
                if (f->payload > 0) {
                        uint64_t n = MIN(f->payload, (uint64_t) (end - p));

                        f->payload -= n;
                        p += n;
                        continue;
                }
                f->head[f->head_size++] = *p++;
                if (f->head_size >= 2 && f->head_size == wanted_head(f)) {
                        f->payload = payload_of(f);
                        f->closed |= (f->head[0] & 0x0f) == OPCODE_CLOSE;
                        f->head_size = 0;
                }
        }
}
