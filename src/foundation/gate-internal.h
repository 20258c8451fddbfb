/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/gate.h"
#include "foundation/peer.h"

/* Shared by the files of the gate alone. */

struct Gate {
        Server *server;
        PeerDiag diag;
        uid_t own;
        uid_t *users;
        size_t n_users;
        AccessRules rules;
        unsigned ports[SERVER_LISTENERS_MAX];
        int listener; /* the first with a port; the server's */
        bool unsettled;
        LIST_HEAD(WaitingList, Conn) waiting;
        unsigned n_waiting;
        sd_event_source *timer;
        struct {
                uint64_t at; /* monotonic usec */
                unsigned hidden;
        } told[_ACCESS_MAX];
};
