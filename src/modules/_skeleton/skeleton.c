/* SPDX-License-Identifier: MIT */

/* The module to copy: one counter, and one of each thing that a module can do with it. TooLoo's README.md says how a copy
 * becomes a service, CONTRIBUTING.md how it becomes one of TooLoo's own. */

#include <syslog.h>

#include "basic/macro.h"
#include "host/module-abi.h"

#define STEP_MAX 1000

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* All that changes is in here, never in a variable of the file: two generations run side by side during a reload. */
typedef struct State {
        Service *service;
        int64_t count;
} State;

/* --- GET with a parameter: /api/v1/skeleton/greeting/:name --- */

static int get_greeting(HttpRequest *request, void *userdata) {
        State *state = userdata;
        json_object *body = json_object_new_object();

        if (!body)
                return -ENOMEM;
        json_object_object_add(body, "ok", json_object_new_boolean(true));
        json_object_object_add(body, "hello", json_object_new_string(http_request_param(request, "name")));
        json_object_object_add(body, "generation", json_object_new_uint64(service_generation(state->service)));
        return http_reply_json(request, 200, body);
}

/* --- GET and POST of the same path: /api/v1/skeleton/count --- */

static int reply_count(HttpRequest *request, const State *state) {
        json_object *body = json_object_new_object();

        if (!body)
                return -ENOMEM;
        json_object_object_add(body, "ok", json_object_new_boolean(true));
        json_object_object_add(body, "count", json_object_new_int64(state->count));
        return http_reply_json(request, 200, body);
}

static int get_count(HttpRequest *request, void *userdata) {
        return reply_count(request, userdata);
}

/* {"by": 1..STEP_MAX}. A wrong body names the field and what was expected, and changes nothing. */
static int post_count(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        State *state = userdata;
        json_object *by;
        int64_t step;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r; /* that one has been answered */
        if (!json_object_object_get_ex(body, "by", &by) || !json_object_is_type(by, json_type_int))
                return http_reply_error(request, 400, "INVALID_FIELD", "by: a whole number is expected");
        step = json_object_get_int64(by);
        if (step < 1 || step > STEP_MAX)
                return http_reply_error(request, 400, "INVALID_FIELD", "by: a number in 1..%d is expected", STEP_MAX);
        if (state->count > INT64_MAX - step)
                return http_reply_error(request, 409, "FULL", "the count cannot grow any further");
        state->count += step;
        service_wake_streams(state->service, "/api/v1/skeleton/changes");
        return reply_count(request, state);
}

/* --- A stream of Server-Sent Events: /api/v1/skeleton/changes --- */

/* What a stream remembers is plain data without pointers, so that a reload can hand it to the next generation. Raise
 * `version` below when its meaning changes. One that cannot do without pointers is `pinned`, see http.h. */
typedef struct Changes {
        int64_t last;
        bool begun;
} Changes;

static int get_changes(HttpRequest *request, void *userdata) {
        return http_reply_stream(request, "text/event-stream", NULL);
}

/* One event at the start, then one for each wake-up that finds the count changed. */
static int next_change(HttpStream *stream, void *data, void *userdata) {
        const State *state = userdata;
        Changes *changes = data;
        _cleanup_(json_object_putp) json_object *count = NULL;

        if (changes->begun && changes->last == state->count)
                return 0;
        count = json_object_new_int64(state->count);
        if (!count)
                return -ENOMEM;
        *changes = (Changes) { .last = state->count, .begun = true };
        return http_stream_event(stream, "count", json_object_to_json_string(count));
}

static const HttpStreamType changes_stream = { .version = 1, .data_size = sizeof(Changes), .next = next_change };

/* --- A WebSocket: /api/v1/skeleton/echo --- */

/* It keeps nothing between two messages (data_size 0), so every reload carries its connections over. */
static int echo(WsConn *conn, void *data, const void *message, size_t size, bool binary, void *userdata) {
        return ws_send(conn, message, size, binary);
}

static const WsType echo_socket = { .version = 1, .message_max = 64 * 1024, .message = echo };

/* --- The life of a generation --- */

/* Runs in a trial process too: no files, no connections, nothing that another process could notice. */
static int init(Service *service, void **ret_state) {
        State *state = calloc(1, sizeof(*state));

        if (!state)
                return -ENOMEM;
        state->service = service;
        *ret_state = state;
        return 0;
}

static void fini(void *userdata) {
        free(userdata);
}

/* A reload asks the old generation to write down what the new one needs. */
static int suspend(void *userdata, json_object **ret) {
        _cleanup_(json_object_putp) json_object *saved = json_object_new_object();
        const State *state = userdata;
        int r;

        if (!saved)
                return -ENOMEM;
        r = json_object_object_add(saved, "count", json_object_new_int64(state->count));
        if (r < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(saved);
        return 0;
}

/* The writer may be an older or a newer version of this file: a field may be missing. An error here rejects the new
 * generation, and the old one goes on serving. */
static int resume(void *userdata, json_object *saved) {
        State *state = userdata;
        json_object *count;

        if (json_object_object_get_ex(saved, "count", &count))
                state->count = json_object_get_int64(count);
        service_log(state->service, LOG_DEBUG, "Took over a count of %lld", (long long) state->count);
        return 0;
}

/* HEAD and OPTIONS, unknown paths and methods, /health and /api/v1/status are the host's. */
static const HttpRoute routes[] = {
        { .method = "GET",  .path = "/api/v1/skeleton/greeting/:name", .handle = get_greeting },
        { .method = "GET",  .path = "/api/v1/skeleton/count", .handle = get_count },
        { .method = "POST", .path = "/api/v1/skeleton/count", .handle = post_count, .body_max = 1024 },
        { .method = "GET",  .path = "/api/v1/skeleton/changes", .handle = get_changes, .stream = &changes_stream },
        { .path = "/api/v1/skeleton/echo", .ws = &echo_socket },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("skeleton", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
        .suspend = suspend,
        .resume = resume,
};
