/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"
#include "foundation/stats.h"

/* The route table of one generation, compiled for matching. Counted: the server holds the current one, each request,
 * stream and WebSocket the one it runs in. When the last of them lets go, `retired` is called, never from within a
 * handler of that table. */
typedef struct RouteSet RouteSet;

typedef void (*RouteSetRetired)(void *userdata);

typedef struct RouteParam {
        const char *name; /* in the route table, ends at its '/' or NUL */
        char *value;      /* decoded, owned by whoever called route_match */
} RouteParam;

typedef struct RouteMatch {
        const HttpRoute *route;    /* NULL: no such path, or not with this method */
        EndpointStats *stats;      /* set with route */
        unsigned methods;          /* METHOD_* that the path has; 0 when there is no such path */
        RouteParam params[HTTP_PARAMS_MAX];
        size_t n_params;
} RouteMatch;

enum {
        METHOD_GET = 1 << 0,
        METHOD_POST = 1 << 1,
        METHOD_PUT = 1 << 2,
        METHOD_DELETE = 1 << 3,
        METHOD_PATCH = 1 << 4,
        METHOD_HEAD = 1 << 5,
        METHOD_OPTIONS = 1 << 6,
        METHOD_WS = 1 << 7,
};

/* The bit of a method's name, 0 for one that no route can have. */
unsigned method_from_string(const char *method);

/* "GET, HEAD, OPTIONS" for an Allow header. The caller frees. */
char *methods_to_string(unsigned bits);

/* Checks the table (-EINVAL, *ret_reason says what is wrong with it; the caller frees) and keeps pointers into it:
 * it must outlive the set. builtin is a second table that is looked at first; may be NULL. */
int route_set_new(const HttpRoute *routes, size_t n_routes, const HttpRoute *builtin, size_t n_builtin, void *state,
                  uint64_t generation, Stats *stats, RouteSet **ret, char **ret_reason);
/* Public: tooloo-websocket.so uses them of the program that loads it. */
RouteSet *route_set_ref(RouteSet *set) _public_;
RouteSet *route_set_unref(RouteSet *set) _public_;
TL_DEFINE_CLEANUP(RouteSet *, route_set_unref)
void route_set_on_retired(RouteSet *set, RouteSetRetired retired, void *userdata);

/* What its handlers are given: the builtin ones builtin_state, the others the state. */
void route_set_set_builtin_state(RouteSet *set, void *builtin_state);
void *route_set_state(const RouteSet *set, const HttpRoute *route) _public_;
bool route_set_has_websocket(const RouteSet *set);
uint64_t route_set_generation(const RouteSet *set) _public_;

/* path is the request's, without the query. -ENOMEM alone is an error. */
int route_match(const RouteSet *set, unsigned method, const char *path, RouteMatch *ret) _public_;
void route_match_done(RouteMatch *match) _public_;
/* The decoded value of ":name", NULL when the pattern has none. */
const char *route_match_param(const RouteMatch *match, const char *name);

/* The stream or WebSocket endpoint with that path in another set if it can go on there; NULL if it cannot. */
const HttpRoute *route_set_successor(const RouteSet *set, const HttpRoute *route) _public_;
