/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

/* Who of several that listen on one socket has accepted a connection. */
typedef enum Acceptor {
        ACCEPTED_BY_NOBODY, /* it waits in the backlog */
        ACCEPTED_BY_UNIT,
        ACCEPTED_BY_OTHER,
} Acceptor;

/* The connection from client_port to port, both of the loopback of this network namespace, and the service that may have it. */
int connection_acceptor(sd_bus *bus, const char *unit, unsigned port, unsigned client_port, Acceptor *ret);
