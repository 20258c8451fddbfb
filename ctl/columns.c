/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include "terminal.h"

#define GETTER(name, type, value)                     \
        static Value name(const void *row) {          \
                const type *it = row;                 \
                                                      \
                return value;                         \
        }

/* --- Of the service: what stands in its unit files, and systemd's words for its state ------------------------- */

#define OF_SERVICE(name, value)                               \
        static Value name(const void *row) {                  \
                const Service *s = *(const Service *const *) row; \
                                                              \
                return value;                                 \
        }

OF_SERVICE(get_id, value_string(s->id))
OF_SERVICE(get_name, value_string(s->name))
OF_SERVICE(get_port, value_number(VALUE_NUMBER, s->port, s->port > 0))
OF_SERVICE(get_category, value_string(s->category))
OF_SERVICE(get_unit, value_string(s->unit))
OF_SERVICE(get_socket, value_string(s->socket))
OF_SERVICE(get_needs, value_list(s->needs))
OF_SERVICE(get_routes, value_list(s->settings.routes))
OF_SERVICE(get_on_change, value_string(on_change_to_string(s->on_change)))
OF_SERVICE(get_load_state, value_string(s->load_state))
OF_SERVICE(get_unit_state, value_string(s->active_state))
OF_SERVICE(get_sub_state, value_string(s->sub_state))
OF_SERVICE(get_socket_state, value_string(s->socket_state))
OF_SERVICE(get_state, value_string(service_state_word(s)))
OF_SERVICE(get_unit_file, value_string(s->fragment_path && *s->fragment_path ? s->fragment_path : NULL))

/* --- Of its status --------------------------------------------------------------------------------------------- */

#define OF_STATUS(name, value) GETTER(name, ServiceStatus, value)

static Value non_empty(const char *s) {
        return value_string(s && *s ? s : NULL);
}

static Value host_number(const HostStatus *h, uint64_t number) {
        return value_number(VALUE_NUMBER, number, h->known);
}

/* "4", and "4+1" while one older generation still answers something. */
static Value generation(const HostStatus *h) {
        Value v = host_number(h, h->generation);

        v.more = h->retiring;
        return v;
}

OF_STATUS(get_health, value_string(it->health))
OF_STATUS(get_response, value_msec(it->response_ms, it->health && it->response_ms >= 0))
/* "4711", and "4711+2" where two more processes have its socket. */
static Value pid(const ServiceStatus *st) {
        Value v = value_number(VALUE_NUMBER, st->pid, st->pid > 0);

        v.more = st->instances > 0 ? st->instances - 1 : 0;
        return v;
}

OF_STATUS(get_pid, pid(it))
OF_STATUS(get_instances, value_number(VALUE_NUMBER, it->instances, true))
OF_STATUS(get_uptime, value_number(VALUE_TIMESPAN, it->uptime, it->uptime > 0))
OF_STATUS(get_restarts, value_number(VALUE_NUMBER, it->restarts, true))
OF_STATUS(get_memory, value_number(VALUE_BYTES, it->memory, it->memory_source != MEMORY_NONE))
OF_STATUS(get_memory_source, value_string(memory_source_to_string(it->memory_source)))
OF_STATUS(get_status_text, non_empty(it->status_text))
OF_STATUS(get_version, value_string(it->host.version))
OF_STATUS(get_generation, generation(&it->host))
OF_STATUS(get_retiring, host_number(&it->host, it->host.retiring))
OF_STATUS(get_connections, host_number(&it->host, it->host.connections))
OF_STATUS(get_requests, host_number(&it->host, it->host.requests))
OF_STATUS(get_errors, host_number(&it->host, it->host.errors))
OF_STATUS(get_last_reload, value_number(VALUE_TIME, it->host.last_reload, it->host.last_reload > 0))
OF_STATUS(get_last_pause, value_number(VALUE_TIMESPAN, it->host.last_pause, it->host.last_reload > 0))
OF_STATUS(get_last_result, non_empty(it->host.last_result))
OF_STATUS(get_problem, value_string(it->problem))

const char *status_color(const ServiceStatus *st) {
        if (service_is_active(st->service))
                return st->problem ? ANSI_YELLOW : ANSI_GREEN;
        return streq(strna(st->service->active_state), "failed") ? ANSI_RED : NULL;
}

const char *health_color(const ServiceStatus *st) {
        if (!st->health)
                return NULL;
        return streq(st->health, "healthy") ? ANSI_GREEN : streq(st->health, "degraded") ? ANSI_YELLOW :
               streq(st->health, "offline") ? ANSI_RED : NULL;
}

static const char *color_of_state(const void *row) {
        return status_color(row);
}

static const char *color_of_health(const void *row) {
        return health_color(row);
}

const Column status_columns[] = {
        { "SERVICE", "id", get_id },
        { NULL, "name", get_name },
        { "STATE", "state", get_state, .color = color_of_state },
        { "HEALTH", "health", get_health, .color = color_of_health },
        { "RESPONSE", "responseTime", get_response, COLUMN_RIGHT, .drop = 3 },
        { "PORT", "port", get_port, COLUMN_RIGHT },
        { "PID", "pid", get_pid, COLUMN_RIGHT, .drop = 2 },
        { NULL, "instances", get_instances },
        { "UPTIME", "uptime", get_uptime, COLUMN_RIGHT },
        { "RESTARTS", "restarts", get_restarts, COLUMN_RIGHT },
        { "MEMORY", "memory", get_memory, COLUMN_RIGHT },
        { NULL, "memorySource", get_memory_source },
        { "GEN", "generation", get_generation, COLUMN_RIGHT },
        { NULL, "retiring", get_retiring },
        { "CATEGORY", "category", get_category, .drop = 4 },
        { NULL, "unit", get_unit },
        { NULL, "needs", get_needs },
        { NULL, "routes", get_routes },
        { NULL, "onChange", get_on_change },
        { NULL, "loadState", get_load_state },
        { NULL, "unitState", get_unit_state },
        { NULL, "subState", get_sub_state },
        { NULL, "socketState", get_socket_state },
        { NULL, "statusText", get_status_text },
        { NULL, "version", get_version },
        { NULL, "connections", get_connections },
        { NULL, "requests", get_requests },
        { NULL, "errors", get_errors },
        { NULL, "lastReload", get_last_reload },
        { NULL, "lastPause", get_last_pause },
        { NULL, "lastResult", get_last_result },
        { "PROBLEM", "problem", get_problem, COLUMN_SHRINKS },
};
const size_t n_status_columns = ELEMENTSOF(status_columns);

/* --- Of the list ------------------------------------------------------------------------------------------------ */

GETTER(get_enabled, ListedService, value_flag(it->enabled))

const Column list_columns[] = {
        { "SERVICE", "id", get_id },
        { "PORT", "port", get_port, COLUMN_RIGHT },
        { "CATEGORY", "category", get_category, .drop = 2 },
        { "ENABLED", "enabled", get_enabled },
        { "NAME", "name", get_name, COLUMN_SHRINKS, .drop = 1 },
        { "ROUTES", "routes", get_routes, COLUMN_SHRINKS },
        { NULL, "needs", get_needs },
        { NULL, "onChange", get_on_change },
        { NULL, "unit", get_unit },
        { NULL, "socket", get_socket },
        { NULL, "loadState", get_load_state },
        { "UNIT FILE", "unitFile", get_unit_file, .drop = 3 },
};
const size_t n_list_columns = ELEMENTSOF(list_columns);
