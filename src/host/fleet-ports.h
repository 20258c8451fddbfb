/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* The TCP ports of the fleet, for a service that does not follow the registry: read when the first page asks whose port is
 * not our own, so that most services never do, and at most every five seconds for a port that is not among them. */
typedef struct FleetPorts FleetPorts;

/* bus must be attached to an event loop. known is called, from that, when the answer to a question that was -EINPROGRESS is there. */
int fleet_ports_new(sd_bus *bus, void (*known)(void *userdata), void *userdata, FleetPorts **ret);
FleetPorts *fleet_ports_free(FleetPorts *ports);
TL_DEFINE_CLEANUP(FleetPorts *, fleet_ports_free)

/* 1, 0, or -EINPROGRESS. */
int fleet_ports_have(FleetPorts *ports, unsigned port);
