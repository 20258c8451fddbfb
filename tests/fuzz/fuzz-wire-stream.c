/* SPDX-License-Identifier: MIT */

/* Any bytes as an upstream's stream, the first of them saying of which format and for which client: fed whole and byte by byte
 * they come to the same, in whole events, within the limits. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static WireStream *feed(const WireStreamOptions *options, const uint8_t *data, size_t size, size_t piece, int *ret_r) {
        WireStream *ws = NULL;
        int r;

        r = wire_stream_new(options, &ws);
        assert(r == 0);
        for (size_t at = 0; at < size && r == 0; at += piece)
                r = wire_stream_feed(ws, data + at, size - at < piece ? size - at : piece);
        assert(r == 0 || r == -EBADMSG || r == -EFBIG);
        *ret_r = r;
        return ws;
}

static void check_usage(const WireUsage *usage) {
        assert(usage->in >= 0 && usage->out >= 0 && usage->cached >= 0 && usage->cache_write >= 0 && usage->reasoning >= 0);
}

/* What another format was made into is lines of JSON, or events of it. */
static void check_output(WireFormat to, const char *text, size_t size) {
        while (size > 0) {
                const char *end = memchr(text, '\n', size), *json = text;
                size_t n = end ? (size_t) (end - text) : 0;

                assert(end);
                if (to != WIRE_OLLAMA && n > 0) {
                        assert(startswith(text, "data: ") || startswith(text, "event: "));
                        json += 6;
                }
                if (n > 0 && *json == '{') {
                        json_tokener *tokener = json_tokener_new();

                        assert(tokener);
                        json_object_put(json_tokener_parse_ex(tokener, json, (int) (end - json)));
                        assert(json_tokener_get_error(tokener) == json_tokener_success ||
                               json_tokener_get_error(tokener) == json_tokener_error_depth);
                        json_tokener_free(tokener);
                }
                text = end + 1;
                size -= n + 1;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        WireStreamOptions options = { .model = "m", .id = "i", .created = 1 };
        WireStream *whole, *bytes;
        size_t n, m;
        int r, s;

        if (size == 0)
                return 0;
        options.from = data[0] % _WIRE_MAX;
        options.to = data[0] / _WIRE_MAX % WIRE_GEMINI;
        options.include_usage = data[0] & 0x80;
        whole = feed(&options, data + 1, size - 1, size, &r);
        bytes = feed(&options, data + 1, size - 1, 1, &s);
        assert(r == s && wire_stream_state(whole) == wire_stream_state(bytes));
        (void) wire_stream_output(whole, &n);
        (void) wire_stream_output(bytes, &m);
        assert(n == m && memcmp(wire_stream_output(whole, &n), wire_stream_output(bytes, &m), n) == 0);
        check_usage(wire_stream_usage(whole));
        if (options.from != options.to)
                check_output(options.to, wire_stream_output(whole, &n), n);
        assert((wire_stream_state(whole) == WIRE_FAILED) == !!wire_stream_error(whole));
        r = wire_stream_fail(whole, 502, NULL, "failed");
        assert(r == 0);
        wire_stream_free(whole);
        wire_stream_free(bytes);
        return 0;
}
