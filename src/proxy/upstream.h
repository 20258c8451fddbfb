/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/stats.h"
#include "shared/breaker.h"
#include "shared/fleet.h"

/* What the proxy knows of one service that requests go to. Lives as long as the service is in the registry or a request
 * uses it. */
typedef struct Upstream {
        FleetUnit *unit; /* NULL once it has left the registry */
        char *id;
        unsigned port;
        Breaker breaker;
        EndpointStats *stats; /* may be NULL */
        uint32_t pid;         /* of the last run that was seen */
        uint64_t changing_since; /* monotonic usec; 0 unless it is FLEET_CHANGING */
        uint64_t requests, retries, failures; /* failures of the transport, not answers that say error */
        unsigned users;
} Upstream;

/* Why a request is not answered by the service. The message is one line for people. */
typedef struct Refusal {
        unsigned status;
        const char *code;
        unsigned retry_after; /* seconds, 0 for none */
        char message[256];
} Refusal;

Upstream *upstream_new(FleetUnit *unit, EndpointStats *stats);
Upstream *upstream_ref(Upstream *u);
/* Frees it when it has left the registry and nobody uses it. */
void upstream_unref(Upstream *u);
/* The service has left the registry. */
void upstream_forget_unit(Upstream *u);

/* Takes note of what the registry says of it now. */
void upstream_update(Upstream *u, uint64_t now);

/* 0 when it may be asked; *ret_probe is for upstream_succeeded() and its like. -ECONNREFUSED: *ret says why not. */
int upstream_ask(Upstream *u, uint64_t now, bool *ret_probe, Refusal *ret);
void upstream_succeeded(Upstream *u, bool probe);
/* While it restarts nothing is held against it. */
void upstream_failed(Upstream *u, bool probe, uint64_t now);
void upstream_forgot(Upstream *u, bool probe);

/* It is on its way, so what fails now may succeed a little later. */
bool upstream_is_changing(const Upstream *u);
/* The same, or it has run for a few seconds only: systemd calls many a program active before it listens. */
bool upstream_is_young(const Upstream *u, uint64_t now);
/* It is down for good or on purpose: fills *ret and returns true. */
bool upstream_is_down(const Upstream *u, Refusal *ret);
