/* SPDX-License-Identifier: MIT */
#pragma once

#include "call.h"
#include "proxy/buffer.h"

/* One call of a provider: from the body made for it, over the reservation and the wait for a slot, to what came of it. */

#define ATTEMPT_ANSWER_MAX ((size_t) 32 * 1024 * 1024)
#define ATTEMPT_ERROR_MAX ((size_t) 64 * 1024) /* of a failure's body, for its message */
#define ATTEMPT_WINDOW ((size_t) 256 * 1024)   /* what a client has not read, before the provider is kept waiting */
#define ATTEMPT_WORD_MAX 24
#define ATTEMPT_LINES_MAX 6

typedef struct Attempt {
        Call *call;
        Deployment *deployment; /* it holds its upstream */
        unsigned n;
        bool probe;
        int64_t bound; /* nano-USD, reserved */
        LedgerPrice price;
        int64_t price_row;

        /* What is sent. */
        char *url, *body, *beta;
        size_t size;
        struct curl_slist lines[ATTEMPT_LINES_MAX];

        Slot slot;
        sd_event_source *queue_timer;
        CURL *easy;
        bool running, paused, wants_unpause;
        sd_event_source *timer;
        uint64_t begun, first, last; /* monotonic: sent; first content; latest bytes. 0 for not yet */

        /* What comes. */
        WireStream *wire; /* NULL for an answer that is no stream */
        Buffer answer;
        size_t streamed; /* bytes of the stream so far */

        /* What came of it. */
        unsigned status;
        char error[ATTEMPT_WORD_MAX]; /* empty for success */
        char *text;
        uint64_t retry_after; /* usec */
        WireUsage usage;
        json_object *result; /* the client's answer, where that is no stream */
        uint64_t total;
        int64_t cost;
} Attempt;

/* -EOPNOTSUPP and *ret_why (the caller frees) when the provider's format cannot say what the call asks for. */
int attempt_new(Call *call, Deployment *deployment, Attempt **ret, char **ret_why);
/* Ends it without a word. */
Attempt *attempt_free(Attempt *a);
TL_DEFINE_CLEANUP(Attempt *, attempt_free)

/* The most that it can cost. */
int64_t attempt_bound(const Call *call, const Deployment *deployment);
LedgerPrice attempt_price(const Deployment *deployment);

/* Waits for its turn, or begins. The end is told by call_attempt_over(), also from within. */
void attempt_enter(Attempt *a);
/* It is to end, for nobody waits for it: its error is "cancelled". No word is said. */
void attempt_cancel(Attempt *a);

/* Fails it with that word, unless it has one. */
void attempt_fail(Attempt *a, const char *error, const char *text);
/* What it costs, by the provider's own figures or else what is known. */
int attempt_count_cost(Attempt *a);
/* What the stream has said of its usage. Before its end that is a beginning: Anthropic's first event has a count of the
 * answer's tokens already, of one or two. */
void attempt_take_usage(Attempt *a);
LedgerTokens attempt_tokens(const Attempt *a);

/* Within: attempt-curl.c */
int attempt_set_up(Attempt *a);
/* The client has read some. */
void attempt_unpause_soon(Attempt *a);
int attempt_on_unpause(sd_event_source *source, void *userdata);
