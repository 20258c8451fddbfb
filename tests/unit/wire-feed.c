/* SPDX-License-Identifier: MIT */
#include "wire-feed.h"

#include <criterion/criterion.h>
#include <json-c/json_tokener.h>
#include <stdio.h>

#include "basic/string-util.h"

#define SPLITS 24

/* The sizes of pieces: what is left, 1, or by chance. */
static size_t next_piece(unsigned way, unsigned *seed, size_t left) {
        size_t size = way == 1 ? 1 : way * 3;

        if (way == 0)
                return left;
        if (way > 1)
                size = 1 + (size_t) rand_r(seed) % size;
        return MIN(left, size);
}

static WireFed feed_one_way(const WireStreamOptions *options, const char *data, size_t size, unsigned way) {
        _cleanup_(wire_stream_freep) WireStream *ws = NULL;
        unsigned seed = way;
        const char *rest;
        WireFed fed = {};
        FILE *f = open_memstream(&fed.text, &fed.size);

        cr_assert(f);
        cr_assert_eq(wire_stream_new(options, &ws), 0);
        for (size_t at = 0; at < size && fed.r == 0;) {
                size_t n = next_piece(way, &seed, size - at), waiting, sent;
                /* A piece of its own, so that reading past it is seen. */
                char *piece = memcpy(malloc(n), data + at, n);
                const char *output;

                fed.r = wire_stream_feed(ws, piece, n);
                free(piece);
                at += n;
                output = wire_stream_output(ws, &waiting);
                sent = way == 2 && waiting > 1 ? waiting / 2 : waiting;
                (void) fwrite(output, 1, sent, f);
                wire_stream_sent(ws, sent);
        }
        fed.state = wire_stream_state(ws);
        fed.usage = *wire_stream_usage(ws);
        if (wire_stream_error(ws))
                fed.error = strdup(wire_stream_error(ws));
        if (fed.r < 0 || fed.state == WIRE_FAILED)
                cr_expect_eq(wire_stream_fail(ws, 502, NULL, fed.error ? fed.error : "broken"), 0);
        rest = wire_stream_output(ws, &size);
        (void) fwrite(rest, 1, size, f);
        (void) fclose(f);
        return fed;
}

static bool same_usage(const WireUsage *a, const WireUsage *b) {
        return a->in == b->in && a->out == b->out && a->cached == b->cached && a->cache_write == b->cache_write &&
               a->reasoning == b->reasoning && a->reported == b->reported;
}

WireFed wire_feed(const WireStreamOptions *options, const char *data, size_t size) {
        WireFed whole = feed_one_way(options, data, size, 0);

        for (unsigned way = 1; way < SPLITS; way++) {
                _cleanup_(wire_fed_done) WireFed other = feed_one_way(options, data, size, way);

                cr_expect_eq(other.r, whole.r, "way %u: %d, whole: %d", way, other.r, whole.r);
                cr_expect_eq(other.state, whole.state, "way %u", way);
                cr_expect_str_eq(other.text, whole.text, "way %u", way);
                cr_expect_eq(other.size, whole.size, "way %u", way);
                cr_expect(same_usage(&other.usage, &whole.usage), "way %u", way);
                cr_expect_str_eq(strempty(other.error), strempty(whole.error), "way %u", way);
        }
        return whole;
}

void wire_fed_done(WireFed *fed) {
        free(fed->text);
        free(fed->error);
        *fed = (WireFed) {};
}

char *wire_quoted(const char *text) {
        char *copy = strdup(text);

        cr_assert(copy);
        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        return copy;
}

json_object *wire_json(const char *text) {
        json_object *json = json_tokener_parse(text);

        cr_assert(json, "no JSON: %s", text);
        return json;
}

void wire_expect_json(json_object *got, const char *expected, const char *what) {
        json_object *wanted = wire_json(expected);

        cr_expect(json_object_equal(got, wanted), "%s:\n  got      %s\n  expected %s", what,
                  json_object_to_json_string_ext(got, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                  json_object_to_json_string_ext(wanted, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        (void) json_object_put(wanted);
}
