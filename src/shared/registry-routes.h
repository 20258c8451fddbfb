/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/registry.h"

/* Routes=: which service a path belongs to. A prefix matches whole segments: "/api/v1/cup" matches itself and
 * "/api/v1/cup/mini", not "/api/v1/cups". "/" matches everything. The longest prefix wins. A prefix that two services
 * claim belongs to neither, and is one of the registry's problems. */

typedef struct Route {
        const char *prefix; /* the registry's, without '/' at its end unless it is "/" */
        const Service *service;
} Route;

typedef struct RouteTable {
        Route *routes; /* sorted by prefix */
        size_t n_routes;
} RouteTable;

/* Keeps pointers into the registry, which must outlive the table. */
int route_table_new(const Registry *registry, RouteTable *ret);
void route_table_done(RouteTable *table);

/* path without query. NULL when no prefix matches. */
const Service *route_table_find(const RouteTable *table, const char *path);
