/* SPDX-License-Identifier: MIT */
#include "shared/registry-routes.h"

#include "basic/string-util.h"
#include "shared/registry-rules.h"
#include "shared/strv.h"

static int by_prefix(const void *a, const void *b) {
        const Route *x = a, *y = b;

        return strcmp(x->prefix, y->prefix);
}

int route_table_new(const Registry *registry, RouteTable *ret) {
        RouteTable table = {};
        size_t most = 0;

        for (size_t i = 0; i < registry->n_services; i++)
                most += strv_length(registry->services[i].settings.routes);
        table.routes = calloc(most + 1, sizeof(Route));
        if (!table.routes)
                return -ENOMEM;
        for (size_t i = 0; i < registry->n_services; i++) {
                const Service *s = registry->services + i;

                STRV_FOREACH(prefix, s->settings.routes)
                        if (!registry_route_is_contested(registry, s, *prefix))
                                table.routes[table.n_routes++] = (Route) { *prefix, s };
        }
        qsort(table.routes, table.n_routes, sizeof(Route), by_prefix);
        *ret = table;
        return 0;
}

void route_table_done(RouteTable *table) {
        free(table->routes);
        *table = (RouteTable) {};
}

static bool matches(const char *prefix, const char *path) {
        const char *rest = startswith(path, prefix);

        return rest && (*rest == '\0' || *rest == '/' || streq(prefix, "/"));
}

const Service *route_table_find(const RouteTable *table, const char *path) {
        /* Of the prefixes of one path the longer sorts behind the shorter, so from the end the first is the longest. */
        for (size_t i = table->n_routes; i > 0; i--)
                if (matches(table->routes[i - 1].prefix, path))
                        return table->routes[i - 1].service;
        return NULL;
}
