/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "foundation/http.h"
#include "wire/wire.h"

/* What a client is told, whole: counted, for one answer may go to many. */
typedef struct Answer {
        unsigned n_ref;
        unsigned status;
        const char *content_type; /* of wire.c's */
        char *body;
        size_t size;
        char *provider, *model;   /* that answered; NULL for none */
        bool priced;
        int64_t cost;             /* nano-USD */
        uint64_t retry_after;     /* usec; 0 says nothing */
} Answer;

/* Takes over body, which malloc() made, also on failure. */
int answer_new(unsigned status, const char *content_type, char *body, size_t size, Answer **ret);
/* A failure in the client's format. type and code may be NULL. */
int answer_error(WireFormat api, unsigned status, const char *type, const char *code, Answer **ret, const char *format, ...)
        _printf_(6, 7);
Answer *answer_ref(Answer *a);
Answer *answer_unref(Answer *a);
TL_DEFINE_CLEANUP(Answer *, answer_unref)

/* Who answered. Both are copied. */
int answer_set_origin(Answer *a, const char *provider, const char *model);

/* The one reply. cache: "none", "miss", "hit", "joined", NULL for none of them. */
int answer_send(const Answer *a, HttpRequest *request, const char *cache);
/* The fields that say where an answer is from, also of a stream that is about to begin. */
int answer_add_headers(HttpRequest *request, const char *provider, const char *model, const char *cache);
