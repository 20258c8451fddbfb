/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "foundation/http.h"

/* The WebSocket of the dashboard: every client is told the same, at the same moment. */

/* Kept as data of the connection. It holds pointers, for this program has one route set for all its life. */
typedef struct LiveClient {
        WsConn *conn;
        bool cut_off; /* is being closed, which may take some seconds */
        LIST_ENTRY(LiveClient) entries;
} LiveClient;

/* All zero is a valid start. */
typedef struct Live {
        LIST_HEAD(LiveClientList, LiveClient) clients;
        unsigned n_clients;
} Live;

static inline unsigned live_count(const Live *live) {
        return live->n_clients;
}

/* False when there is nobody to tell: what to tell need not be made then. */
static inline bool live_has_clients(const Live *live) {
        return !LIST_EMPTY(&live->clients);
}

/* Tells all of them. Takes over message, also on failure; NULL is -ENOMEM. A client that does not read is cut off. */
int live_send(Live *live, json_object *message);

/* For a route whose state is the manager: who comes is told manager_update() first. */
extern const WsType live_ws_type;
