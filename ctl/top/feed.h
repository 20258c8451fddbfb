/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

/* metricsd's WebSocket: what it says comes as it says it; nothing is asked. A connection that is lost is made anew, each time
 * after twice the wait, for as long as it is wanted. */
typedef struct Feed Feed;

typedef struct FeedEvents {
        void (*message)(json_object *message, void *userdata); /* the caller's */
        void (*connected)(bool connected, void *userdata);     /* also for each try that failed: false */
} FeedEvents;

int feed_new(sd_event *event, const FeedEvents *events, void *userdata, Feed **ret);
Feed *feed_free(Feed *feed);
TL_DEFINE_CLEANUP(Feed *, feed_free)

/* Connects to that port of this machine, at once; 0 for "not wanted". To connect to a socket starts its service, so the port
 * is for one that runs. */
void feed_want(Feed *feed, unsigned port);
