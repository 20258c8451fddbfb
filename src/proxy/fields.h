/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "basic/macro.h"
#include "foundation/forward.h"

/* The fields of a head on their way through: which of them go on, and what is added (RFC 9110 7.6). */

/* What stands in Via, and is looked for there: a request that comes to us twice goes round in a circle. */
#define PROXY_NAME "tooloo-web"

/* Names and values are not copied: they must outlive the list. */
typedef struct Fields {
        ForwardField *items;
        size_t n, space;
        bool failed; /* without memory: some are missing */
        char *text;  /* of what was added */
        size_t text_space;
} Fields;

void fields_done(Fields *f);
/* For reuse. */
void fields_clear(Fields *f);
void fields_add(Fields *f, const char *name, const char *value);
/* Names have any case. NULL when there is none. */
const char *fields_get(const Fields *f, const char *name);
size_t fields_count(const Fields *f, const char *name);
void fields_remove(Fields *f, const char *name);

/* True when one of the fields of that name has the token in its list ("close, X-Secret"). */
bool fields_have_token(const Fields *f, const char *name, const char *token);

/* Takes out what concerns one connection alone: Connection and what it names, Keep-Alive, Proxy-*, TE, Trailer,
 * Transfer-Encoding, Upgrade. Host stays whatever Connection says: without it nobody knows whom a request is for. */
void fields_remove_hop_by_hop(Fields *f);

/* Adds what a service is told of its client: X-Forwarded-For (behind what was there), X-Forwarded-Proto and
 * X-Forwarded-Host (unless a proxy before us has said it), Via and X-Request-Id. -ENOMEM, also for what failed
 * before. */
int fields_add_forwarded(Fields *f, const struct sockaddr *peer, bool http_1_0, const char *request_id);
/* True when the request has passed here before. */
bool fields_have_passed_here(const Fields *f);
