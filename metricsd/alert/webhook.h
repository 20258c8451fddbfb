/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shared/curl-event.h"
#include "shared/fleet.h"

/* Messages by HTTP POST to whoever a rule names, tried again as webhook-retry.h says. To one address they go one at a
 * time and in their order: the end of an alert never overtakes its begin, and a receiver that asks for a pause has
 * one. What it has taken but not answered in time it gets again. */
typedef struct Webhooks Webhooks;
typedef struct WebhookDelivery WebhookDelivery;

#define WEBHOOK_QUEUE_MAX 64
#define WEBHOOK_TIMEOUT (UINT64_C(10) * USEC_PER_SEC)

/* fleet may be NULL, see http-call.h; retry_usec: `base` of webhook_retry_wait(). curl and fleet must outlive it. */
int webhooks_new(sd_event *event, CurlEvent *curl, const Fleet *fleet, uint64_t retry_usec, Webhooks **ret);
/* What has not been delivered is lost. over is called for none of it. */
Webhooks *webhooks_free(Webhooks *webhooks);
TL_DEFINE_CLEANUP(Webhooks *, webhooks_free)

typedef struct WebhookMessage {
        const char *url;           /* one that webhook_url_check() passes */
        const char *authorization; /* the content of that header; NULL for none */
        const char *body;          /* JSON */
} WebhookMessage;

/* problem is NULL when the receiver has taken it (2xx), else one line. The delivery is freed after it. */
typedef void (*webhook_over_t)(const char *problem, void *userdata);

/* Over is called once, from the event loop. When WEBHOOK_QUEUE_MAX messages wait, the oldest of them is given up. */
int webhooks_send(Webhooks *webhooks, const WebhookMessage *message, webhook_over_t over, void *userdata,
                  WebhookDelivery **ret);
/* Without a call of over. A receiver that is just being told may have heard it. */
void webhook_give_up(WebhookDelivery *delivery);

/* How many wait or are under way. */
size_t webhooks_waiting(const Webhooks *webhooks);

/* Says again what was said: once, when nothing else waits for that address. Of several failures in a row the first is
 * one line in the journal. */
int webhooks_repeat(Webhooks *webhooks, const WebhookMessage *message);
