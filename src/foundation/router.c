/* SPDX-License-Identifier: MIT */
#include "foundation/router.h"

#include <microhttpd.h>
#include <string.h>

#include "basic/string-util.h"

#define ROUTES_MAX 512

typedef struct CompiledRoute {
        const HttpRoute *route;
        unsigned method;
        EndpointStats *stats;
        bool builtin;
} CompiledRoute;

struct RouteSet {
        unsigned n_ref;
        CompiledRoute *routes;
        size_t n_routes;
        void *state;
        void *builtin_state;
        uint64_t generation;
        RouteSetRetired retired;
        void *retired_userdata;
};

static const struct {
        const char *name;
        unsigned bit;
} methods[] = {
        { "GET",     METHOD_GET     },
        { "HEAD",    METHOD_HEAD    },
        { "POST",    METHOD_POST    },
        { "PUT",     METHOD_PUT     },
        { "DELETE",  METHOD_DELETE  },
        { "PATCH",   METHOD_PATCH   },
        { "OPTIONS", METHOD_OPTIONS },
};

unsigned method_from_string(const char *method) {
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i].name, method))
                        return methods[i].bit;
        return 0;
}

char *methods_to_string(unsigned bits) {
        char text[64] = "", *end = text;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (bits & methods[i].bit)
                        end = stpcpy(stpcpy(end, end > text ? ", " : ""), methods[i].name);
        return strdup(text);
}

/* -EINVAL and a reason for a row that could never be matched or would crash the server later. */
static int check_route(const HttpRoute *route, char **ret_reason) {
        const char *wrong = NULL;
        unsigned params = 0, segments = 0;

        if (!route->path || route->path[0] != '/')
                wrong = "its path does not begin with '/'";
        else if (!route->handle == !route->ws)
                wrong = "it needs either a handler or a WebSocket";
        else if (route->handle && (!route->method || method_from_string(route->method) == 0))
                wrong = "its method is unknown";
        else if (route->handle && (method_from_string(route->method) & (METHOD_HEAD | METHOD_OPTIONS)))
                wrong = "HEAD and OPTIONS are answered by the server";
        else if (route->ws && !route->ws->message)
                wrong = "its WebSocket has no message handler";
        else if (route->stream && !route->stream->next)
                wrong = "its stream has no next";
        else if (route->body_max > HTTP_BODY_MAX_CEILING)
                wrong = "its body_max is over HTTP_BODY_MAX_CEILING";
        else {
                for (const char *p = route->path; (p = strchr(p, '/')); p++) {
                        segments++;
                        params += p[1] == ':';
                }
                if (segments > HTTP_SEGMENTS_MAX)
                        wrong = "its path has too many segments";
                else if (params > HTTP_PARAMS_MAX)
                        wrong = "it has too many parameters";
        }
        if (!wrong)
                return 0;
        *ret_reason = str_printf("route %s %s: %s", route->method ? route->method : "WebSocket", strna(route->path),
                                 wrong);
        return *ret_reason ? -EINVAL : -ENOMEM;
}

static bool is_known(const RouteSet *set, unsigned method, const char *path) {
        for (size_t i = 0; i < set->n_routes; i++)
                if (set->routes[i].method == method && streq(set->routes[i].route->path, path))
                        return true;
        return false;
}

static int add_table(RouteSet *set, const HttpRoute *routes, size_t n, bool builtin, Stats *stats,
                     char **ret_reason) {
        for (size_t i = 0; i < n; i++) {
                CompiledRoute *c = &set->routes[set->n_routes];
                int r = check_route(&routes[i], ret_reason);

                if (r < 0)
                        return r;
                *c = (CompiledRoute) {
                        .route = &routes[i],
                        .method = routes[i].ws ? METHOD_WS : method_from_string(routes[i].method),
                        .builtin = builtin,
                };
                if (is_known(set, c->method, c->route->path)) {
                        *ret_reason = str_printf("route %s %s: there is one already, so it would never be asked",
                                                 routes[i].ws ? "WebSocket" : routes[i].method, routes[i].path);
                        return *ret_reason ? -EINVAL : -ENOMEM;
                }
                r = stats_endpoint(stats, routes[i].ws ? "WS" : routes[i].method, routes[i].path, &c->stats);
                if (r < 0) {
                        *ret_reason = str_printf("too many different routes since the service started");
                        return r;
                }
                set->n_routes++;
        }
        return 0;
}

int route_set_new(const HttpRoute *routes, size_t n_routes, const HttpRoute *builtin, size_t n_builtin, void *state,
                  uint64_t generation, Stats *stats, RouteSet **ret, char **ret_reason) {
        _cleanup_(route_set_unrefp) RouteSet *set = NULL;
        int r;

        if (n_routes > ROUTES_MAX || (n_routes > 0 && !routes)) {
                *ret_reason = str_printf("a route table holds at most %d rows", ROUTES_MAX);
                return *ret_reason ? -EINVAL : -ENOMEM;
        }
        set = calloc(1, sizeof(RouteSet));
        if (!set)
                return -ENOMEM;
        set->n_ref = 1;
        set->state = state;
        set->generation = generation;
        set->routes = calloc(n_routes + n_builtin + 1, sizeof(CompiledRoute));
        if (!set->routes)
                return -ENOMEM;
        r = add_table(set, builtin, n_builtin, true, stats, ret_reason);
        if (r >= 0)
                r = add_table(set, routes, n_routes, false, stats, ret_reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(set);
        return 0;
}

RouteSet *route_set_ref(RouteSet *set) {
        set->n_ref++;
        return set;
}

RouteSet *route_set_unref(RouteSet *set) {
        if (!set || --set->n_ref > 0)
                return NULL;
        if (set->retired)
                set->retired(set->retired_userdata);
        free(set->routes);
        free(set);
        return NULL;
}

void route_set_on_retired(RouteSet *set, RouteSetRetired retired, void *userdata) {
        set->retired = retired;
        set->retired_userdata = userdata;
}

void route_set_set_builtin_state(RouteSet *set, void *builtin_state) {
        set->builtin_state = builtin_state;
}

static const CompiledRoute *find_compiled(const RouteSet *set, const HttpRoute *route) {
        for (size_t i = 0; i < set->n_routes; i++)
                if (set->routes[i].route == route)
                        return &set->routes[i];
        return NULL;
}

void *route_set_state(const RouteSet *set, const HttpRoute *route) {
        const CompiledRoute *c = find_compiled(set, route);

        return c && c->builtin ? set->builtin_state : set->state;
}

bool route_set_has_websocket(const RouteSet *set) {
        for (size_t i = 0; i < set->n_routes; i++)
                if (set->routes[i].method == METHOD_WS)
                        return true;
        return false;
}

uint64_t route_set_generation(const RouteSet *set) {
        return set->generation;
}

static size_t segment_length(const char *s) {
        return strcspn(s, "/");
}

/* 0 when path does not fit the pattern; else 1 + the number of literal segments before the first parameter, so
 * that of two that fit the more literal one wins. */
static unsigned match_path(const char *pattern, const char *path) {
        unsigned rank = 1;
        bool literal = true;

        for (;;) {
                size_t n, m;

                if (*pattern != '/' || *path != '/')
                        return *pattern == *path ? rank : 0; /* both at their end */
                pattern++, path++;
                n = segment_length(pattern), m = segment_length(path);
                if (*pattern == ':') {
                        if (m == 0)
                                return 0;
                        literal = false;
                } else {
                        if (n != m || memcmp(pattern, path, n) != 0)
                                return 0;
                        rank += literal;
                }
                pattern += n, path += m;
        }
}

static int take_params(const char *pattern, const char *path, RouteMatch *match) {
        while (*pattern == '/' && *path == '/') {
                size_t n = segment_length(++pattern), m = segment_length(++path);

                if (*pattern == ':') {
                        RouteParam *param = &match->params[match->n_params];

                        param->value = strndup(path, m);
                        if (!param->value)
                                return -ENOMEM;
                        (void) MHD_http_unescape(param->value);
                        param->name = pattern + 1;
                        match->n_params++;
                }
                pattern += n, path += m;
        }
        return 0;
}

int route_match(const RouteSet *set, unsigned method, const char *path, RouteMatch *ret) {
        const CompiledRoute *best = NULL;
        unsigned best_rank = 0, wanted = method == METHOD_HEAD ? METHOD_GET : method;
        RouteMatch match = {};

        for (size_t i = 0; i < set->n_routes; i++) {
                const CompiledRoute *c = &set->routes[i];
                unsigned rank = match_path(c->route->path, path);

                if (rank == 0)
                        continue;
                match.methods |= c->method | (c->method == METHOD_GET ? METHOD_HEAD : 0) | METHOD_OPTIONS;
                if (c->method == wanted && rank > best_rank) {
                        best = c;
                        best_rank = rank;
                }
        }
        if (best) {
                int r = take_params(best->route->path, path, &match);

                if (r < 0) {
                        route_match_done(&match);
                        return r;
                }
                match.route = best->route;
                match.stats = best->stats;
        }
        *ret = match;
        return 0;
}

void route_match_done(RouteMatch *match) {
        for (size_t i = 0; i < match->n_params; i++)
                free(match->params[i].value);
        match->n_params = 0;
}

const char *route_match_param(const RouteMatch *match, const char *name) {
        for (size_t i = 0; i < match->n_params; i++) {
                const char *n = match->params[i].name;

                if (segment_length(n) == strlen(name) && startswith(n, name))
                        return match->params[i].value;
        }
        return NULL;
}

/* Bytes that one generation wrote may be read by another only if both say the same of their shape. */
static bool may_succeed(const HttpRoute *old, const HttpRoute *new) {
        if (!streq(old->path, new->path))
                return false;
        if (old->stream && new->stream)
                return !old->stream->pinned && !new->stream->pinned && streq(old->method, new->method) &&
                        old->stream->version == new->stream->version &&
                        old->stream->data_size == new->stream->data_size;
        return old->ws && new->ws && old->ws->version == new->ws->version &&
                old->ws->data_size == new->ws->data_size;
}

const HttpRoute *route_set_successor(const RouteSet *set, const HttpRoute *route) {
        for (size_t i = 0; i < set->n_routes; i++)
                if (may_succeed(route, set->routes[i].route))
                        return set->routes[i].route;
        return NULL;
}
