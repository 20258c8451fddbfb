/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "foundation/router.h"

static Stats *stats;

static void set_up(void) {
        cr_assert_eq(stats_new(&stats), 0);
}

static void tear_down(void) {
        stats = stats_free(stats);
}

TestSuite(router, .init = set_up, .fini = tear_down);

static int handle(HttpRequest *request, void *state) {
        return 0;
}

static int next(HttpStream *stream, void *data, void *state) {
        return 0;
}

static int message(WsConn *conn, void *data, const void *text, size_t size, bool binary, void *state) {
        return 0;
}

static const HttpStreamType stream = { .version = 1, .data_size = 8, .next = next };
static const WsType socket_type = { .version = 1, .message = message };

static const HttpRoute routes[] = {
        { .method = "GET",    .path = "/",            .handle = handle },
        { .method = "GET",    .path = "/a/:id",       .handle = handle },
        { .method = "GET",    .path = "/a/b",         .handle = handle },
        { .method = "DELETE", .path = "/a/:id",       .handle = handle },
        { .method = "GET",    .path = "/:x/:y/z",     .handle = handle },
        { .method = "POST",   .path = "/only-post",   .handle = handle },
        { .method = "GET",    .path = "/events",      .handle = handle, .stream = &stream },
        { .path = "/ws", .ws = &socket_type },
};
static const HttpRoute builtin[] = {
        { .method = "GET", .path = "/health", .handle = handle },
};

static RouteSet *make(const HttpRoute *table, size_t n, int state, uint64_t generation) {
        static int states[4];
        RouteSet *set = NULL;
        char *reason = NULL;

        cr_assert_eq(route_set_new(table, n, builtin, ELEMENTSOF(builtin), &states[state], generation, stats, &set, &reason),
                     0, "%s", strna(reason));
        return set;
}

Test(router, methods) {
        _cleanup_(freep) char *some = methods_to_string(METHOD_GET | METHOD_HEAD | METHOD_OPTIONS),
                              *none = methods_to_string(METHOD_WS), *all = methods_to_string(~0u);

        cr_expect_str_eq(some, "GET, HEAD, OPTIONS");
        cr_expect_str_empty(none);
        cr_expect_str_eq(all, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
        cr_expect_eq(method_from_string("PATCH"), METHOD_PATCH);
        cr_expect_eq(method_from_string("get"), 0);
        cr_expect_eq(method_from_string("TRACE"), 0);
        cr_expect_eq(method_from_string(""), 0);
}

Test(router, match) {
        static const struct {
                unsigned method;
                const char *path, *pattern; /* NULL: no route */
                unsigned methods;
        } cases[] = {
                { METHOD_GET, "/", "/", METHOD_GET | METHOD_HEAD | METHOD_OPTIONS },
                { METHOD_HEAD, "/", "/", METHOD_GET | METHOD_HEAD | METHOD_OPTIONS },
                { METHOD_GET, "", NULL, 0 },
                { METHOD_GET, "*", NULL, 0 },
                { METHOD_GET, "//", NULL, 0 },
                { METHOD_GET, "/a", NULL, 0 },
                { METHOD_GET, "/a/", NULL, 0 },
                { METHOD_GET, "/a/b", "/a/b", METHOD_GET | METHOD_HEAD | METHOD_DELETE | METHOD_OPTIONS },
                { METHOD_GET, "/a/bc", "/a/:id", METHOD_GET | METHOD_HEAD | METHOD_DELETE | METHOD_OPTIONS },
                { METHOD_DELETE, "/a/b", "/a/:id", METHOD_GET | METHOD_HEAD | METHOD_DELETE | METHOD_OPTIONS },
                { METHOD_PUT, "/a/b", NULL, METHOD_GET | METHOD_HEAD | METHOD_DELETE | METHOD_OPTIONS },
                { METHOD_GET, "/a/b/", NULL, 0 },
                { METHOD_GET, "/a/b/z", "/:x/:y/z", METHOD_GET | METHOD_HEAD | METHOD_OPTIONS },
                { METHOD_GET, "/a/b/zz", NULL, 0 },
                { METHOD_GET, "/only-post", NULL, METHOD_POST | METHOD_OPTIONS },
                { METHOD_OPTIONS, "/only-post", NULL, METHOD_POST | METHOD_OPTIONS },
                { METHOD_GET, "/only-posts", NULL, 0 },
                { METHOD_GET, "/ws", NULL, METHOD_WS | METHOD_OPTIONS },
                { METHOD_WS, "/ws", "/ws", METHOD_WS | METHOD_OPTIONS },
                { METHOD_GET, "/health", "/health", METHOD_GET | METHOD_HEAD | METHOD_OPTIONS },
                { METHOD_GET, "/../health", NULL, 0 },
                { METHOD_GET, "/:id", NULL, 0 },
        };
        _cleanup_(route_set_unrefp) RouteSet *set = make(routes, ELEMENTSOF(routes), 0, 1);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RouteMatch match;

                cr_assert_eq(route_match(set, cases[i].method, cases[i].path, &match), 0);
                cr_expect_eq(match.methods, cases[i].methods, "%s: %x", cases[i].path, match.methods);
                cr_expect_eq(!match.route, !cases[i].pattern, "%s", cases[i].path);
                if (match.route && cases[i].pattern)
                        cr_expect_str_eq(match.route->path, cases[i].pattern, "%s", cases[i].path);
                cr_expect_eq(!match.stats, !match.route);
                route_match_done(&match);
        }
}

Test(router, params) {
        static const struct {
                const char *path, *value;
        } cases[] = {
                { "/a/x", "x" },         { "/a/x%20y", "x y" },    { "/a/%2F..%2f", "/../" }, { "/a/%zz", "%zz" },
                { "/a/%", "%" },         { "/a/%4", "%4" },        { "/a/+", "+" },           { "/a/%C3%A4", "\xc3\xa4" },
                { "/a/:id", ":id" },
        };
        _cleanup_(route_set_unrefp) RouteSet *set = make(routes, ELEMENTSOF(routes), 0, 1);
        RouteMatch match;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cr_assert_eq(route_match(set, METHOD_GET, cases[i].path, &match), 0);
                cr_expect_str_eq(route_match_param(&match, "id"), cases[i].value);
                cr_expect_null(route_match_param(&match, "i"));
                cr_expect_null(route_match_param(&match, "ids"));
                route_match_done(&match);
        }
        cr_assert_eq(route_match(set, METHOD_GET, "/one/two/z", &match), 0);
        cr_expect_str_eq(route_match_param(&match, "x"), "one");
        cr_expect_str_eq(route_match_param(&match, "y"), "two");
        route_match_done(&match);
}

static void expect_refused(const HttpRoute *table, size_t n, const char *why) {
        RouteSet *set = NULL;
        _cleanup_(freep) char *reason = NULL;

        cr_expect_eq(route_set_new(table, n, builtin, ELEMENTSOF(builtin), NULL, 1, stats, &set, &reason), -EINVAL, "%s", why);
        cr_expect_null(set);
        cr_assert(reason, "%s", why);
        cr_expect(strstr(reason, why), "'%s' does not say '%s'", reason, why);
}

Test(router, refused) {
        static const WsType no_message = { .version = 1 };
        static const HttpStreamType no_next = { .version = 1 };
        static const struct {
                HttpRoute route;
                const char *why;
        } cases[] = {
                { { .method = "GET", .handle = handle }, "does not begin with '/'" },
                { { .method = "GET", .path = "a", .handle = handle }, "does not begin with '/'" },
                { { .method = "GET", .path = "/a" }, "either a handler or a WebSocket" },
                { { .method = "GET", .path = "/a", .handle = handle, .ws = &socket_type }, "either a handler or a WebSocket" },
                { { .path = "/a", .handle = handle }, "method is unknown" },
                { { .method = "BREW", .path = "/a", .handle = handle }, "method is unknown" },
                { { .method = "HEAD", .path = "/a", .handle = handle }, "answered by the server" },
                { { .method = "OPTIONS", .path = "/a", .handle = handle }, "answered by the server" },
                { { .path = "/a", .ws = &no_message }, "no message handler" },
                { { .method = "GET", .path = "/a", .handle = handle, .stream = &no_next }, "no next" },
                { { .method = "GET", .path = "/a", .handle = handle, .body_max = HTTP_BODY_MAX_CEILING + 1 }, "body_max" },
                { { .method = "GET", .path = "/:1/:2/:3/:4/:5/:6/:7/:8/:9", .handle = handle }, "too many parameters" },
                { { .method = "GET", .path = "/health", .handle = handle }, "there is one already" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                expect_refused(&cases[i].route, 1, cases[i].why);
}

Test(router, limits) {
        HttpRoute table[513] = {};
        char paths[513][16], deep[2 * (HTTP_SEGMENTS_MAX + 1) + 1] = "";
        HttpRoute edge = { .method = "GET", .path = "/:1/:2/:3/:4/:5/:6/:7/:8", .handle = handle,
                           .body_max = HTTP_BODY_MAX_CEILING };
        RouteMatch match;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                (void) snprintf(paths[i], sizeof(paths[i]), "/%zu", i);
                table[i] = (HttpRoute) { .method = "GET", .path = paths[i], .handle = handle };
        }
        expect_refused(table, 513, "at most 512 rows");
        route_set_unref(make(table, 512, 0, 1));
        route_set_unref(make(NULL, 0, 0, 1));
        expect_refused(NULL, 1, "at most 512 rows");
        route_set_unref(make(&edge, 1, 0, 1));

        for (size_t i = 0; i < HTTP_SEGMENTS_MAX; i++)
                memcpy(deep + 2 * i, "/s", 3);
        table[0].path = deep;
        {
                _cleanup_(route_set_unrefp) RouteSet *set = make(table, 1, 0, 1);

                cr_assert_eq(route_match(set, METHOD_GET, deep, &match), 0);
                cr_expect(match.route);
                route_match_done(&match);
        }
        memcpy(deep + 2 * (size_t) HTTP_SEGMENTS_MAX, "/s", 3);
        expect_refused(table, 1, "too many segments");
        table[0].path = table[1].path;
        expect_refused(table, 2, "there is one already");
}

Test(router, state) {
        _cleanup_(route_set_unrefp) RouteSet *set = make(routes, ELEMENTSOF(routes), 1, 7);
        int builtin_state;

        route_set_set_builtin_state(set, &builtin_state);
        cr_expect_eq(route_set_state(set, &builtin[0]), &builtin_state);
        cr_expect_neq(route_set_state(set, &routes[0]), &builtin_state);
        cr_expect_eq(route_set_state(set, &routes[0]), route_set_state(set, &routes[1]));
        cr_expect_eq(route_set_generation(set), 7);
        cr_expect(route_set_has_websocket(set));
}

static void count_retired(void *userdata) {
        (*(unsigned *) userdata)++;
}

Test(router, retired_once) {
        RouteSet *set = make(routes, 1, 0, 1);
        unsigned retired = 0;

        cr_expect(!route_set_has_websocket(set));
        route_set_on_retired(set, count_retired, &retired);
        cr_expect_eq(route_set_ref(set), set);
        route_set_unref(set);
        cr_expect_eq(retired, 0);
        route_set_unref(set);
        cr_expect_eq(retired, 1);
        cr_expect_null(route_set_unref(NULL));
}

/* What a stream or WebSocket remembers may only be read by code that has the same notion of it. */
Test(router, successor) {
        static const HttpStreamType other_version = { .version = 2, .data_size = 8, .next = next },
                                    other_size = { .version = 1, .data_size = 9, .next = next },
                                    pinned = { .version = 1, .data_size = 8, .pinned = true, .next = next };
        static const WsType other_socket = { .version = 2, .message = message };
        static const struct {
                HttpRoute old, new;
                bool goes_on;
        } cases[] = {
#define STREAM(m, p, s) { .method = (m), .path = (p), .handle = handle, .stream = (s) }
                { STREAM("GET", "/s", &stream), STREAM("GET", "/s", &stream), true },
                { STREAM("GET", "/s", &stream), STREAM("GET", "/t", &stream), false },
                { STREAM("GET", "/s", &stream), STREAM("POST", "/s", &stream), false },
                { STREAM("GET", "/s", &stream), STREAM("GET", "/s", &other_version), false },
                { STREAM("GET", "/s", &stream), STREAM("GET", "/s", &other_size), false },
                { STREAM("GET", "/s", &stream), STREAM("GET", "/s", NULL), false },
                { STREAM("GET", "/s", &pinned), STREAM("GET", "/s", &pinned), false },
                { STREAM("GET", "/s", &pinned), STREAM("GET", "/s", &stream), false },
                { STREAM("GET", "/s", &stream), STREAM("GET", "/s", &pinned), false },
                { STREAM("GET", "/s", &stream), { .path = "/s", .ws = &socket_type }, false },
                { { .path = "/s", .ws = &socket_type }, { .path = "/s", .ws = &socket_type }, true },
                { { .path = "/s", .ws = &socket_type }, { .path = "/s", .ws = &other_socket }, false },
                { { .path = "/s", .ws = &socket_type }, STREAM("GET", "/s", &stream), false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(route_set_unrefp) RouteSet *set = make(&cases[i].new, 1, 0, 2);

                cr_expect_eq(route_set_successor(set, &cases[i].old), cases[i].goes_on ? &cases[i].new : NULL, "case %zu", i);
        }
}
