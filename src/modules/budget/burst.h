/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "foundation/http.h"

/* A prompt answered by the provider service, from its cache where that has it. It goes over the provider's own port, so
 * limits, keys and the ledger hold for it as for everybody else's call; the ledger calls its source "burst". */
typedef struct BurstClient BurstClient;

#define BURST_PROMPT_MAX ((size_t) 256 * 1024)
#define BURST_TTL_MAX 86400

typedef struct BurstAsk {
        const char *prompt, *model, *user; /* model and user may be NULL */
        int64_t ttl;                       /* seconds */
} BurstAsk;

int burst_client_new(sd_event *event, BurstClient **ret);
/* No request may wait for it any more. */
BurstClient *burst_client_free(BurstClient *client);
TL_DEFINE_CLEANUP(BurstClient *, burst_client_free)

/* The request is replied to later. Negative errno: it has no answer yet. */
int burst_client_ask(BurstClient *client, HttpRequest *request, const BurstAsk *ask);
