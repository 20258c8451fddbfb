/* SPDX-License-Identifier: MIT */
#include <json-c/json.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "status-output.h"

static void json_put(struct json_object *o) {
        (void) json_object_put(o);
}
TL_DEFINE_CLEANUP(struct json_object *, json_put)

/* Takes value over, also when it fails. NULL stands for null where is_null is set, and for no memory else. */
static int add(struct json_object *o, const char *key, struct json_object *value, bool is_null) {
        if (!value && !is_null)
                return -ENOMEM;
        if (json_object_object_add(o, key, value) < 0) {
                json_put(value);
                return -ENOMEM;
        }
        return 0;
}

static int add_string(struct json_object *o, const char *key, const char *value) {
        return add(o, key, value ? json_object_new_string(value) : NULL, !value);
}

static int add_uint(struct json_object *o, const char *key, uint64_t value, bool known) {
        return add(o, key, known ? json_object_new_uint64(value) : NULL, !known);
}

static int add_msec(struct json_object *o, const char *key, uint64_t usec, bool known) {
        return add(o, key, known ? json_object_new_double((double) usec / (double) USEC_PER_MSEC) : NULL, !known);
}

static int add_list(struct json_object *o, const char *key, char *const *list) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (; array && list && *list; list++) {
                struct json_object *s = json_object_new_string(*list);

                if (!s || json_object_array_add(array, s) < 0) {
                        json_put(s);
                        return -ENOMEM;
                }
        }
        return add(o, key, TAKE_PTR(array), false);
}

static int add_host(struct json_object *o, const HostStatus *h) {
        char time[ISO8601_MAX];
        int r;

        r = add_string(o, "version", h->version);
        if (r >= 0)
                r = add_uint(o, "generation", h->generation, h->known);
        if (r >= 0)
                r = add_uint(o, "retiring", h->retiring, h->known);
        if (r >= 0)
                r = add_uint(o, "connections", h->connections, h->known);
        if (r >= 0)
                r = add_uint(o, "requests", h->requests, h->known);
        if (r >= 0)
                r = add_uint(o, "errors", h->errors, h->known);
        if (r >= 0)
                r = add_string(o, "lastReload", h->last_reload > 0 ? format_iso8601(time, h->last_reload) : NULL);
        if (r >= 0)
                r = add_msec(o, "lastPause", h->last_pause, h->last_reload > 0);
        if (r >= 0)
                r = add_string(o, "lastResult", h->last_result && *h->last_result ? h->last_result : NULL);
        return r;
}

static int add_service(struct json_object *o, const Service *s) {
        int r;

        r = add_string(o, "id", s->id);
        if (r >= 0)
                r = add_string(o, "name", s->name);
        if (r >= 0)
                r = add_uint(o, "port", s->port, s->port > 0);
        if (r >= 0)
                r = add_string(o, "category", s->category);
        if (r >= 0)
                r = add_string(o, "unit", s->unit);
        if (r >= 0)
                r = add_list(o, "needs", s->needs);
        if (r >= 0)
                r = add_list(o, "routes", s->settings.routes);
        if (r >= 0)
                r = add_string(o, "onChange", on_change_to_string(s->on_change));
        if (r >= 0)
                r = add_string(o, "loadState", s->load_state);
        if (r >= 0)
                r = add_string(o, "unitState", s->active_state);
        if (r >= 0)
                r = add_string(o, "subState", s->sub_state);
        if (r >= 0)
                r = add_string(o, "socketState", s->socket_state);
        if (r >= 0)
                r = add_string(o, "state", service_state_word(s));
        return r;
}

static int add_status(struct json_object *o, const ServiceStatus *st) {
        int r;

        r = add_service(o, st->service);
        if (r >= 0)
                r = add_uint(o, "pid", st->pid, st->pid > 0);
        if (r >= 0)
                r = add_msec(o, "uptime", st->uptime, st->uptime > 0);
        if (r >= 0)
                r = add_uint(o, "restarts", st->restarts, true);
        if (r >= 0)
                r = add_uint(o, "memory", st->memory, st->memory_source != MEMORY_NONE);
        if (r >= 0)
                r = add_string(o, "memorySource", memory_source_to_string(st->memory_source));
        if (r >= 0)
                r = add_string(o, "statusText", st->status_text && *st->status_text ? st->status_text : NULL);
        if (r >= 0)
                r = add_host(o, &st->host);
        return r < 0 ? r : add_string(o, "problem", st->problem);
}

static int add_build(struct json_object *o, const BuildStatus *build) {
        _cleanup_(json_putp) struct json_object *b = json_object_new_object();
        int r;

        if (!b)
                return -ENOMEM;
        r = add_string(b, "status", build->status);
        if (r >= 0)
                r = add(b, "failed", json_object_new_boolean(build_has_failed(build)), false);
        return r < 0 ? r : add(o, "build", TAKE_PTR(b), false);
}

int status_print_json(const ServiceStatus *list, size_t n, const BuildStatus *build) {
        _cleanup_(json_putp) struct json_object *root = json_object_new_object(), *services = json_object_new_array();
        const char *text;
        int r = 0;

        if (!root || !services)
                return -ENOMEM;
        for (size_t i = 0; i < n && r >= 0; i++) {
                _cleanup_(json_putp) struct json_object *o = json_object_new_object();

                r = o ? add_status(o, list + i) : -ENOMEM;
                if (r >= 0 && json_object_array_add(services, o) < 0)
                        r = -ENOMEM;
                if (r >= 0)
                        (void) TAKE_PTR(o); /* the array's now */
        }
        if (r >= 0)
                r = add(root, "services", TAKE_PTR(services), false);
        if (r >= 0)
                r = add_build(root, build);
        if (r < 0)
                return r;
        text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        return puts(text) < 0 ? -EIO : 0;
}
