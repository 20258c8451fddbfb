/* SPDX-License-Identifier: MIT */
#pragma once

#include "wire/wire.h"

/* What became of a stream. */
typedef struct WireFed {
        char *text; /* for the client */
        size_t size;
        int r;
        WireState state;
        WireUsage usage;
        char *error;
} WireFed;

/* Feeds all of it at once, byte by byte, and in pieces of sizes by chance (of a fixed seed); fails the test where these give
 * anything else. The caller frees with wire_fed_done(). */
WireFed wire_feed(const WireStreamOptions *options, const char *data, size_t size);
void wire_fed_done(WireFed *fed);

/* A copy with every ' as ", so that JSON can be read in C. The caller frees. */
char *wire_quoted(const char *text);
/* JSON of a literal, with either quotes; fails the test when it is none. */
json_object *wire_json(const char *text);
/* Whether both are the same but for the order of fields; says where they differ. */
void wire_expect_json(json_object *got, const char *expected, const char *what);
