/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/curl-event.h"
#include "shared/fleet.h"

/* One request over HTTP or HTTPS and its answer, on a connection of its own. Redirects are not followed. */
typedef struct HttpCall HttpCall;

typedef struct HttpCallRequest {
        const char *url;
        const char *body;          /* JSON, sent by POST; must last as long as the call. NULL asks by GET */
        const char *authorization; /* the content of that header; NULL for none */
        const char *agent;         /* who asks, "NAME/VERSION" */
        const char *const *fields; /* more header lines, "NAME: CONTENT"; ends in NULL; NULL for none */
        uint64_t timeout;          /* usec, of all of it */
        size_t answer_max;         /* bytes of the answer's body that are kept; what comes after them is dropped */
        /* A connection to a port of this machine that belongs to a service is made to one that runs alone: systemd
         * listens for the others, and would start what a person has stopped. NULL asks nobody. */
        const Fleet *fleet;
        bool straight; /* past any proxy that http_proxy= and its like name */
} HttpCallRequest;

typedef struct HttpAnswer {
        unsigned status;     /* 0 when there was no answer: */
        const char *problem; /* why not, in one line */
        bool hopeless;       /* another try would end so: the address is wrong, the certificate is not trusted */
        const char *body;    /* ends in NUL; "" for none */
        size_t size;
        uint64_t retry_after; /* usec; 0 when the answer does not say */
        CURL *easy;
} HttpAnswer;

/* The content of a header field of the answer, NULL for none; lasts as long as the answer. */
const char *http_answer_field(const HttpAnswer *answer, const char *name);

/* The answer lasts for the call. May free the call. */
typedef void (*http_call_over_t)(const HttpAnswer *answer, void *userdata);

/* over comes from the event loop, never from within this, and not after http_call_free(). */
int http_call_new(CurlEvent *curl, const HttpCallRequest *request, http_call_over_t over, void *userdata,
                  HttpCall **ret);
/* Gives one that is under way up. */
HttpCall *http_call_free(HttpCall *call);
TL_DEFINE_CLEANUP(HttpCall *, http_call_free)

/* What an answer that is no success says of itself, in one line of printable text: the member `error` of its JSON,
 * else the begin of its first line; "" for nothing. NULL without memory; the caller frees. */
char *http_answer_excerpt(const HttpAnswer *answer);
