/* SPDX-License-Identifier: MIT */
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "proxy/proxy-internal.h"
#include "shared/registry-routes.h"

static json_object *string(const char *s) {
        return json_object_new_string(s ? s : "");
}

static json_object *route_to_json(const Route *route) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "prefix", string(route->prefix)) &&
            json_add(json, "service", string(route->service->id)) &&
            json_add(json, "port", json_object_new_uint64(route->service->port)))
                return json;
        json_object_put(json);
        return NULL;
}

json_object *proxy_routes(const Proxy *proxy) {
        json_object *list = json_object_new_array();
        RouteTable table = {};

        if (!list || !proxy->fleet || !fleet_registry(proxy->fleet))
                return list;
        if (route_table_new(fleet_registry(proxy->fleet), &table) < 0)
                goto fail;
        for (size_t i = 0; i < table.n_routes; i++) {
                json_object *route = route_to_json(&table.routes[i]);

                if (!route || json_object_array_add(list, route) < 0) {
                        json_object_put(route);
                        goto fail;
                }
        }
        route_table_done(&table);
        return list;
fail:
        route_table_done(&table);
        json_object_put(list);
        return NULL;
}

static bool add_upstream(json_object *json, const Upstream *u, uint64_t now) {
        return json_add(json, "requests", json_object_new_uint64(u ? u->requests : 0)) &&
                json_add(json, "retries", json_object_new_uint64(u ? u->retries : 0)) &&
                json_add(json, "failures", json_object_new_uint64(u ? u->failures : 0)) &&
                json_add(json, "breaker", string(breaker_state_to_string(u ? breaker_state(&u->breaker, now)
                                                                           : BREAKER_CLOSED)));
}

static json_object *unit_to_json(const FleetUnit *unit, uint64_t now) {
        const Service *service = unit->service;
        json_object *json = json_object_new_object();

        if (json && json_add(json, "id", string(service->id)) && json_add(json, "name", string(service->name)) &&
            json_add(json, "category", string(service->category)) &&
            json_add(json, "port", json_object_new_uint64(service->port)) &&
            json_add(json, "condition", string(fleet_condition_to_string(unit->condition))) &&
            json_add(json, "state", string(fleet_unit_word(unit))) &&
            json_add(json, "restarts", json_object_new_uint64(unit->restarts)) &&
            (!*unit->failure || json_add(json, "failure", string(unit->failure))) &&
            add_upstream(json, unit->userdata, now))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *units_to_json(const Proxy *proxy) {
        json_object *list = json_object_new_array();
        uint64_t now = proxy_now(proxy);

        for (size_t i = 0; list && proxy->fleet && i < fleet_count(proxy->fleet); i++) {
                json_object *unit = unit_to_json(fleet_at(proxy->fleet, i), now);

                if (!unit || json_object_array_add(list, unit) < 0) {
                        json_object_put(unit);
                        json_object_put(list);
                        return NULL;
                }
        }
        return list;
}

static json_object *figures_to_json(const Proxy *proxy) {
        bool loaded = proxy->fleet && fleet_is_loaded(proxy->fleet);
        json_object *json = json_object_new_object();

        if (json && json_add(json, "registryLoaded", json_object_new_boolean(loaded)) &&
            json_add(json, "requests", json_object_new_uint64(proxy->requests)) &&
            json_add(json, "inFlight", json_object_new_uint64(proxy->n_exchanges)) &&
            json_add(json, "retries", json_object_new_uint64(proxy->retries)) &&
            json_add(json, "tunnels", json_object_new_uint64(proxy->n_tunnels)))
                return json;
        json_object_put(json);
        return NULL;
}

json_object *proxy_status(const Proxy *proxy) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "services", units_to_json(proxy)) &&
            json_add(json, "proxy", figures_to_json(proxy)))
                return json;
        json_object_put(json);
        return NULL;
}
