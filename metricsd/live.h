/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "foundation/http.h"

/* The WebSocket of the dashboard: every client is told the same, at the same moment, from one copy of it. One that reads
 * more slowly than there is news is told the newest of it when it is ready; one that does not read at all is cut off. */

/* Kept as data of the connection. It holds pointers, for this program has one route set for all its life. */
typedef struct LiveClient {
        WsConn *conn;
        bool cut_off; /* is being closed, which may take some seconds */
        uint64_t sent;    /* ws_sent() when it was last looked at */
        uint64_t read_at; /* monotonic usec: when it was last seen to have read something, or everything */
        LIST_ENTRY(LiveClient) entries;
} LiveClient;

/* All zero is a valid start. */
typedef struct Live {
        LIST_HEAD(LiveClientList, LiveClient) clients;
        unsigned n_clients;
        WsMessage *latest; /* what is true now; NULL when that has not been put into words yet */
        uint64_t quiet_until; /* monotonic usec: they are told nothing before */
        uint64_t skipped;  /* updates that gave way to newer ones, of all clients */
} Live;

/* False when there is nobody to tell: what to tell need not be made then. */
static inline bool live_has_clients(const Live *live) {
        return !LIST_EMPTY(&live->clients);
}

/* Something is different from what was told last; also for the end. */
void live_outdate(Live *live);

/* Tells all of them. Takes over message, also on failure; NULL is -ENOMEM. Who has read nothing for longer than patience
 * (usec) is cut off. */
int live_tell(Live *live, json_object *message, uint64_t patience);

/* Bytes that wait for clients to read them, as if each had a copy of its own. */
size_t live_waiting(const Live *live);

/* For a route whose state is the manager: who comes is told manager_update() first. */
extern const WsType live_ws_type;
