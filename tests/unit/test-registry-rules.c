/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "shared/registry-routes.h"
#include "shared/registry-rules.h"
#include "shared/registry.h"
#include "shared/strv.h"

#define MOST 8

static Registry *registry;

static void set_up(void) {
        registry = calloc(1, sizeof(Registry));
        cr_assert(registry);
        registry->services = calloc(MOST, sizeof(Service));
        cr_assert(registry->services);
}

static void tear_down(void) {
        registry = registry_free(registry);
}

TestSuite(registry_rules, .init = set_up, .fini = tear_down);
TestSuite(registry_routes, .init = set_up, .fini = tear_down);

/* routes: a list split at blanks. */
static Service *add(const char *id, unsigned port, const char *routes) {
        Service *s = registry->services + registry->n_services;

        cr_assert_lt(registry->n_services, MOST);
        registry->n_services++;
        s->id = strdup(id);
        s->unit = str_printf("tooloo-%s.service", id);
        s->socket = str_printf("tooloo-%s.socket", id);
        s->load_state = strdup("loaded");
        s->port = port;
        cr_assert(s->id && s->unit && s->socket && s->load_state);
        cr_assert_geq(strv_extend_words(&s->settings.routes, routes, 64), 0);
        return s;
}

static void mask(Service *s) {
        free(s->load_state);
        s->load_state = strdup("masked");
        cr_assert(s->load_state);
}

static void expect_problems(size_t n) {
        cr_assert_eq(registry_check_claims(registry), 0);
        cr_assert_eq(strv_length(registry->problems), n, "%zu problems, the first: %s", strv_length(registry->problems),
                     registry->problems ? registry->problems[0] : "none");
}

static void expect_problem(size_t i, const char *text) {
        cr_expect_str_eq(registry->problems[i], text);
}

Test(registry_rules, none) {
        add("a", 3001, "/a /b");
        add("b", 3002, "/a/b /bb");
        add("c", 0, "");
        add("d", 0, "");
        expect_problems(0);
}

Test(registry_rules, port) {
        add("a", 3001, "");
        add("b", 3001, "");
        free(TAKE_PTR(add("c", 3001, "")->socket));
        expect_problems(3);
        expect_problem(0, "tooloo-a.socket and tooloo-b.socket both have port 3001, so only one of them can listen: give "
                          "one of them another port");
        expect_problem(2, "tooloo-b.socket and tooloo-c.service both have port 3001, so only one of them can listen: give "
                          "one of them another port");
        cr_expect_eq(registry->n_services, 3, "they stay in the list");
}

Test(registry_rules, route) {
        add("a", 3001, "/x /both /y");
        add("b", 3002, "/both");
        expect_problems(1);
        expect_problem(0, "tooloo-a.service and tooloo-b.service both claim Routes=/both, so neither gets it: take it out "
                          "of one of them");
}

/* That is how one service is replaced by another. */
Test(registry_rules, masked_claims_nothing) {
        mask(add("a", 3001, "/x"));
        add("b", 3001, "/x");
        expect_problems(0);
}

Test(registry_rules, ids) {
        static const char *const good[] = { "a", "a-1", "x23456789012345678901234567890ab", "orchestrator", "metricsd",
                                            "core2" };
        static const char *const wrong[] = { "", "A", "1a", "-a", "a_b", "a.b", "x234567890123456789012345678901bc" };
        static const char *const reserved[] = { "reload", "reload-again", "upgrade", "upgrade-again", "watchd", "dev", "port-owner",
                                                "core", "control", "service", "backoff", "all", "fleet" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                cr_expect_eq(registry_check_id(registry, good[i], "x"), true, "%s", good[i]);
        cr_expect_null(registry->problems);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                cr_expect_eq(registry_check_id(registry, wrong[i], "x"), false, "%s", wrong[i]);
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                cr_expect_eq(registry_check_id(registry, reserved[i], "x"), false, "%s", reserved[i]);
        cr_expect_eq(strv_length(registry->problems), ELEMENTSOF(wrong) + ELEMENTSOF(reserved));
}

Test(registry_rules, id_problem) {
        cr_assert_eq(registry_check_id(registry, "Web", "tooloo-Web.service"), false);
        cr_assert_eq(registry_check_id(registry, "dev", "tooloo-dev.service"), false);
        expect_problem(0, "tooloo-Web.service is left out, because 'Web' is no id for a service (a small letter, then small "
                          "letters, digits and '-', at most 32 in all): rename its unit files");
        expect_problem(1, "tooloo-dev.service is left out, because 'dev' is a name that TooLoo itself uses: rename its unit "
                          "files");
}

/* --- Routes --- */

static void expect_route(const char *path, const char *id) {
        RouteTable table;
        const Service *s;

        cr_assert_eq(route_table_new(registry, &table), 0);
        s = route_table_find(&table, path);
        cr_expect_str_eq(s ? s->id : "nobody", id, "%s", path);
        route_table_done(&table);
        cr_expect_null(table.routes);
}

Test(registry_routes, longest_prefix_of_whole_segments) {
        add("cup", 1, "/api/v1/cup");
        add("mini", 2, "/api/v1/cup/mini/deep /api/v1/cu");
        add("api", 3, "/api");
        expect_route("/api/v1/cup", "cup");
        expect_route("/api/v1/cup/", "cup");
        expect_route("/api/v1/cup/mini", "cup");
        expect_route("/api/v1/cup/mini/deep", "mini");
        expect_route("/api/v1/cup/mini/deep/er", "mini");
        expect_route("/api/v1/cup/mini/deeper", "cup");
        expect_route("/api/v1/cups", "api");
        expect_route("/api/v1/cu", "mini");
        expect_route("/api/", "api");
        expect_route("/apis", "nobody");
        expect_route("/", "nobody");
        expect_route("", "nobody");
        expect_route("api", "nobody");
}

Test(registry_routes, root) {
        add("web", 1, "/ /health");
        add("cup", 2, "/cup");
        expect_route("/", "web");
        expect_route("/anything/else", "web");
        expect_route("/health", "web");
        expect_route("/cup/x", "cup");
        expect_route("*", "nobody");
}

Test(registry_routes, neighbours_in_the_alphabet) {
        add("a", 1, "/a");
        add("b", 2, "/a-b");
        add("c", 3, "/a/b");
        add("d", 4, "/a.b");
        expect_route("/a", "a");
        expect_route("/a/c", "a");
        expect_route("/a-b/x", "b");
        expect_route("/a/b/x", "c");
        expect_route("/a.b/x", "d");
        expect_route("/a.bc", "nobody");
}

Test(registry_routes, nobody_gets_what_two_claim) {
        add("a", 1, "/both /a");
        add("b", 2, "/both");
        add("web", 3, "/");
        expect_route("/both", "web");
        expect_route("/both/x", "web");
        expect_route("/a", "a");
}

Test(registry_routes, masked) {
        mask(add("old", 1, "/x /old"));
        add("new", 2, "/x");
        expect_route("/x", "new");
        expect_route("/old", "old");
}

Test(registry_routes, none) {
        expect_route("/", "nobody");
}
