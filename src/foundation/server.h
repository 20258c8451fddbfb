/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "foundation/forward.h"
#include "foundation/router.h"
#include "foundation/stats.h"

/* The HTTP and WebSocket server of one service: takes listening sockets, gives every service its common endpoints
 * (/health, /api/v1/status) and guards, and serves the current route set. One event loop, no thread. */
typedef struct Server Server;

/* How long a client may take, in microseconds. */
typedef struct ServerTimeouts {
        uint64_t head;  /* from the first byte of a request to the end of its head */
        uint64_t body;  /* from there to the end of its body */
        uint64_t idle;  /* between two requests on one connection */
        uint64_t send;  /* without the client reading a byte of the answer */
        uint64_t drain; /* how long idle connections are given at shutdown to ask once more */
        ForwardTimeouts forward;
} ServerTimeouts;

extern const ServerTimeouts server_timeouts_default;

/* What /health says of the service. The strings are copied. */
typedef struct ServerInfo {
        const char *id;      /* "training" */
        const char *name;    /* "Training Server" */
        const char *version; /* of the module */
        bool ready;
        const char *reason; /* why it is not ready, else NULL */
} ServerInfo;

/* timeouts is copied; NULL for the defaults. */
int server_new(sd_event *event, const ServerTimeouts *timeouts, Server **ret);
Server *server_free(Server *server);
TL_DEFINE_CLEANUP(Server *, server_free)

/* Who is let in beside the strict default: the service's own user and root; a loopback name as Host; pages of our own
 * port as Origin of what changes something. Refused is with 403 and what to do. */
typedef struct ServerAccess {
        const uid_t *users;
        size_t n_users;
        char *const *hosts;   /* AllowHosts=, NULL-ended or NULL */
        char *const *origins; /* AllowOrigins=, the same */
        /* The lists are not known yet. Whom the default refuses waits, some seconds at most, for the next call. */
        bool unsettled;
        /* Whether a service of the fleet listens on that port: its pages may ask, too. 1, 0, or -EINPROGRESS when that
         * will be said by server_access_known(); who asks waits until then, or gets 503 after some seconds. NULL for
         * a program without a fleet. */
        int (*is_our_port)(unsigned port, void *userdata);
        void *userdata;
} ServerAccess;

/* Copies the lists. An entry that cannot be one is one warning and left out. -ENOMEM leaves everything as it was. Before
 * the first call the default holds. */
int server_set_access(Server *server, const ServerAccess *access);
/* Asks again for those that wait. From the event loop, not from within is_our_port. */
void server_access_known(Server *server);

/* -ENOMEM may leave some of it changed. */
int server_set_info(Server *server, const ServerInfo *info);

/* Takes over the listening socket, also on failure. */
int server_add_listener(Server *server, int fd);

/* Takes what systemd hands over to a socket-activated program: listens on each listening stream socket, asks the kernel
 * about connections through a netlink socket (ListenNetlink=inet-diag 0, see peer.h; opens one where there is none),
 * closes what it has no use for. How many it listens on, 0 for a program that was not started through its socket. */
int server_take_sockets(Server *server);

/* While it is held, who connects waits in the backlog. For a program that could not answer anything yet. */
void server_hold(Server *server, bool hold);

/* Swaps the route set between two events: requests that come after it run in `set`, streams and WebSockets that
 * can go on there do. Takes a reference. The builtin endpoints of `set` are those of server_builtin_routes().
 * -errno when WebSocket support, which is loaded with the first set that needs it, is not to be had; the old set
 * stays then. */
int server_set_routes(Server *server, RouteSet *set);
const HttpRoute *server_builtin_routes(size_t *ret_n);

/* Whether requests for other services are forwarded to them, see forward.h. The first call with true loads what that
 * needs; -errno when that is not to be had. */
int server_set_proxy(Server *server, bool proxying);
/* False while connections wait for the registry of services to be read; ends by itself, after 2 s at the latest. */
bool server_is_prepared(const Server *server);

Stats *server_stats(Server *server);

/* Connections of every kind. */
unsigned server_connections(const Server *server);

/* Wakes every stream of the route with that path. */
void server_wake_streams(Server *server, const char *path);

/* Graceful end: every answer now carries "Connection: close", WebSockets are closed with 1012, streams end after
 * what is queued; new connections are left in the backlog for the next process. Idle connections are closed after
 * the drain time. `drained` is called once, when no connection is left, or some seconds later if one does not end. */
void server_drain(Server *server, void (*drained)(void *userdata), void *userdata);
