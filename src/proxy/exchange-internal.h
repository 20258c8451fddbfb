/* SPDX-License-Identifier: MIT */
#pragma once

#include "proxy/proxy-internal.h"

/* Bytes that lie here between the client and the service, each way. */
#define WINDOW ((size_t) 64 * 1024)
/* A service that answers while it still reads: its answer cannot go on before the request has been read, for MHD answers
 * whole requests, so up to this much of it waits here. */
#define EARLY_ANSWER_MAX ((size_t) 1024 * 1024)
/* How much of a body is thrown away that the service does not want, so that its sender gets to read the answer. */
#define DISCARD_MAX (UINT64_C(64) * 1024 * 1024)
#define RETRIES_MAX 2u

typedef enum ExchangeState {
        EXCHANGE_RUNNING,  /* libcurl has it */
        EXCHANGE_WAITING,  /* for the service to come back */
        EXCHANGE_FINISHED, /* with `result` */
} ExchangeState;

struct Exchange {
        Proxy *proxy;
        HttpRequest *request;
        Upstream *upstream;
        CURL *easy;
        CURLU *url; /* taken apart, for libcurl would parse a text for each transfer, and write it anew */
        ExchangeState state;
        CURLcode result;
        bool probe, probe_told;

        /* What easy was told last. */
        unsigned port;
        bool fresh, as_head;

        /* The request. */
        char *head; /* of the lines that libcurl is given */
        size_t head_space;
        struct curl_slist *lines;
        size_t n_lines, lines_space;
        int64_t length; /* of the body, -1 when it is not known */
        bool is_head, has_body, safe;
        bool body_complete;
        bool body_refused; /* nobody wants the rest */
        bool sending_paused;
        uint64_t discarded;
        Refusal refusal; /* with a status: waits for the end of the body */
        Buffer up;

        unsigned sent;    /* times that a request went out */
        unsigned retries; /* of ours */
        uint64_t begun, progress; /* monotonic usec */
        uint64_t limit;   /* to the first byte */
        uint64_t retry_at; /* EXCHANGE_WAITING */
        bool watched;

        /* The answer. */
        AnswerHead answer;
        Buffer down;
        bool answered, receiving_paused;

        bool is_ready;
        STAILQ_ENTRY(Exchange) ready_entries;
        LIST_ENTRY(Exchange) entries;
};

/* exchange-curl.c */

/* One that has been used before, or a new one. NULL without memory. */
Exchange *exchange_new(Proxy *proxy);
void exchange_free(Exchange *e);
/* Gives libcurl the fields of the head (the proxy's) as they are to be sent. -ENOMEM. */
int exchange_set_head(Exchange *e, const Fields *fields, const char *method, const char *target);
/* Starts the transfer, or starts it anew. */
int exchange_start(Exchange *e, bool fresh);
void exchange_stop(Exchange *e);
/* Has something for exchanges_settle(). */
void exchange_is_ready(Exchange *e);
