/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by the files of tooloo-proxy.so alone. */

#include <sys/queue.h>

#include "foundation/forward.h"
#include "proxy/answer-head.h"
#include "proxy/buffer.h"
#include "proxy/fields.h"
#include "proxy/upstream.h"
#include "shared/curl-event.h"
#include "shared/fleet.h"

#define TUNNELS_MAX 4096u
/* Exchanges that wait for use, each with a curl handle: about 12 KiB. */
#define EXCHANGES_KEPT 64u

typedef struct Tunnel Tunnel;

struct Proxy {
        sd_event *event;
        Server *server;
        char *own_id;
        ForwardTimeouts timeouts;
        sd_bus *bus;
        Fleet *fleet;
        void (*loaded)(void *userdata); /* NULL once it was called */
        void *loaded_userdata;
        CurlEvent *curl;

        LIST_HEAD(ExchangeList, Exchange) exchanges, spare;
        unsigned n_exchanges, n_spare;
        STAILQ_HEAD(ReadyList, Exchange) ready;
        sd_event_source *sweep;
        Fields fields; /* of the head that is being looked at */

        LIST_HEAD(TunnelList, Tunnel) tunnels, handshakes; /* open; not yet, or no more */
        unsigned n_tunnels;
        char *copy_buffer; /* of all tunnels */

        uint64_t requests, retries;
        bool draining;
};

/* proxy.c */
uint64_t proxy_now(const Proxy *proxy);
/* The service that a path is forwarded to, or the one of that id: 1 with *ret; 0 when the path is this service's own
 * affair, or there is no such service. -ENOMEM. */
int proxy_upstream_for(Proxy *proxy, const char *path, Upstream **ret);
int proxy_upstream_by_id(Proxy *proxy, const char *id, Upstream **ret);
/* Looks at the limits of all exchanges and tunnels not later than that. */
void proxy_sweep_at(Proxy *proxy, uint64_t when);

/* exchange.c: begin() to release() of ProxyOps, and what the rest of the proxy has to tell exchanges. */
int exchange_begin(Proxy *proxy, HttpRequest *request, const char *service, const char *target, Exchange **ret);
size_t exchange_body(Exchange *e, const void *data, size_t size);
void exchange_body_end(Exchange *e);
ssize_t exchange_read(Exchange *e, char *buf, size_t max);
void exchange_release(Exchange *e);
/* After a turn of libcurl: answers, goes on with or gives up what got on in it. */
void exchanges_settle(void *userdata);
/* The service has changed its state: goes on with, or refuses, those that wait for it. */
void exchanges_reconsider(Proxy *proxy, Upstream *upstream);
/* Enforces the limits; the next time that is of interest, UINT64_MAX for none. */
uint64_t exchanges_sweep(Proxy *proxy, uint64_t now);
void exchanges_drain(Proxy *proxy);
void exchanges_free_spare(Proxy *proxy);

/* tunnel.c */
void tunnel_begin(Proxy *proxy, int fd, const char *path);
void tunnels_drain(Proxy *proxy);
void tunnels_end_all(Proxy *proxy);
uint64_t tunnels_sweep(Proxy *proxy, uint64_t now);

/* report.c */
json_object *proxy_routes(const Proxy *proxy);
json_object *proxy_status(const Proxy *proxy);
