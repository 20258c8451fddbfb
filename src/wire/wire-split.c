/* SPDX-License-Identifier: MIT */
#include "wire/wire-split.h"

#include "basic/string-util.h"

#define BUFFER_FIRST 1024

void wire_buffer_done(WireBuffer *b) {
        free(b->bytes);
        *b = (WireBuffer) {};
}

int wire_buffer_add(WireBuffer *b, const void *data, size_t size) {
        if (size == 0)
                return 0;
        if (b->space - b->begin - b->size < size && b->begin > 0) {
                (void) memmove(b->bytes, b->bytes + b->begin, b->size);
                b->begin = 0;
        }
        if (b->space - b->size - b->begin < size) {
                size_t space = MAX(MAX(b->space * 2, (size_t) BUFFER_FIRST), b->size + size);
                char *grown = realloc(b->bytes, space);

                if (!grown)
                        return -ENOMEM;
                b->bytes = grown;
                b->space = space;
        }
        (void) memcpy(b->bytes + b->begin + b->size, data, size);
        b->size += size;
        return 0;
}

void wire_buffer_take(WireBuffer *b, size_t size) {
        size = MIN(size, b->size);
        b->size -= size;
        b->begin = b->size > 0 ? b->begin + size : 0;
}

void wire_split_done(WireSplit *split) {
        wire_buffer_done(&split->raw);
        wire_buffer_done(&split->data);
}

/* A field of an event: "data: {...}". Of other fields than these two nothing depends. */
static int take_field(WireSplit *split, const char *line, size_t size) {
        const char *colon = memchr(line, ':', size);
        size_t name = colon ? (size_t) (colon - line) : size;
        const char *value = colon ? colon + 1 : line + size;
        size_t n;
        int r;

        if (value < line + size && *value == ' ')
                value++;
        n = (size_t) (line + size - value);
        if (name == strlen("data") && memcmp(line, "data", name) == 0) {
                r = wire_buffer_add(&split->data, value, n);
                return r < 0 ? r : wire_buffer_add(&split->data, "\n", 1);
        }
        if (name == strlen("event") && memcmp(line, "event", name) == 0) {
                n = n < sizeof(split->name) ? n : 0;
                *(char *) mempcpy(split->name, value, n) = '\0';
        }
        return 0;
}

/* Everything up to split->at is an event. What it had is forgotten first: the next one begins whatever comes of this. */
static int give_event(WireSplit *split, wire_split_event_t event, void *userdata) {
        const char *raw = wire_buffer_text(&split->raw);
        WireEvent e = { .raw = raw, .raw_size = split->at, .name = split->name };
        int r;

        if (split->lines) {
                size_t n = split->at;

                while (n > 0 && wire_is_blank(raw[n - 1]))
                        n--;
                e.data = n > 0 ? raw : NULL;
                e.size = n;
        } else if (split->data.size > 1) {
                e.data = wire_buffer_text(&split->data);
                e.size = split->data.size - 1; /* without the last newline */
        }
        r = event(&e, userdata);
        wire_buffer_take(&split->raw, split->at);
        wire_buffer_take(&split->data, split->data.size);
        split->line = split->at = 0;
        split->name[0] = '\0';
        return r;
}

/* What ends the line at raw[at]: its length, 0 for no end, -EAGAIN when what follows decides. A CR may have an LF behind it
 * that has not come yet. In a stream whose CRs have stood alone so far it is not waited for, but left out when it comes. */
static int end_at(WireSplit *split, const char *raw) {
        char c = raw[split->at];

        if (c == '\n')
                return 1;
        if (c != '\r' || split->lines)
                return 0;
        if (split->lone_cr)
                return 1;
        if (split->at + 1 == split->raw.size)
                return -EAGAIN;
        if (raw[split->at + 1] == '\n')
                return 2;
        split->lone_cr = true;
        return 1;
}

/* Moves split->at behind the line that begins at split->line; false when its end has not come. */
static bool find_line(WireSplit *split, size_t *ret_size) {
        const char *raw = wire_buffer_text(&split->raw);

        if (split->after_cr && split->raw.size > split->at) {
                if (raw[split->at] == '\n')
                        split->line = ++split->at;
                split->after_cr = false;
        }
        for (; split->at < split->raw.size; split->at++) {
                int end = end_at(split, raw);

                if (end < 0)
                        return false;
                if (end > 0) {
                        *ret_size = split->at - split->line;
                        split->after_cr = split->lone_cr && raw[split->at] == '\r';
                        split->at += (size_t) end;
                        return true;
                }
        }
        return false;
}

static int take_line(WireSplit *split, size_t size, wire_split_event_t event, void *userdata) {
        const char *line = wire_buffer_text(&split->raw) + split->line;
        int r;

        if (!split->started && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
                line += 3;
                size -= 3;
        }
        split->started = true;
        if (split->lines || size == 0)
                return give_event(split, event, userdata);
        r = *line == ':' ? 0 : take_field(split, line, size);
        split->line = split->at;
        return r;
}

int wire_split_feed(WireSplit *split, const void *data, size_t size, wire_split_event_t event, void *userdata) {
        size_t line;
        int r;

        r = wire_buffer_add(&split->raw, data, size);
        if (r < 0)
                return r;
        while (find_line(split, &line)) {
                if (split->at > split->event_max)
                        return -EFBIG;
                r = take_line(split, line, event, userdata);
                if (r < 0)
                        return r;
        }
        return split->raw.size > split->event_max ? -EFBIG : 0;
}
