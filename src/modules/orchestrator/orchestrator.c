/* SPDX-License-Identifier: MIT */

/* Control over HTTP of what toolooctl controls from the shell: the list of services with their state, start, stop,
 * restart and reload of each, its journal, and a reload of all of them. */

#include "control.h"
#include "host/module-abi.h"

static int init(Service *service, void **ret_state) {
        _cleanup_(control_freep) Control *control = NULL;
        int r;

        r = control_new(service_event(service), service_id(service), &control);
        if (r >= 0 && !service_is_trial(service))
                r = control_connect(control);
        if (r < 0)
                return r;
        *ret_state = TAKE_PTR(control);
        return 0;
}

static void fini(void *state) {
        control_free(state);
}

#define SERVICE "/api/v1/system/service/:id/"

static const HttpRoute routes[] = {
        { .method = "GET",  .path = "/api/v1/system/processes", .handle = get_processes },
        { .method = "POST", .path = SERVICE "start", .handle = post_start, .body_max = ACTION_BODY_MAX },
        { .method = "POST", .path = SERVICE "stop", .handle = post_stop, .body_max = ACTION_BODY_MAX },
        { .method = "POST", .path = SERVICE "restart", .handle = post_restart, .body_max = ACTION_BODY_MAX },
        { .method = "POST", .path = SERVICE "reload", .handle = post_reload, .body_max = ACTION_BODY_MAX },
        { .method = "POST", .path = SERVICE "scale", .handle = post_scale, .body_max = ACTION_BODY_MAX },
        { .method = "GET",  .path = SERVICE "logs", .handle = get_logs },
        { .method = "POST", .path = "/api/v1/admin/reload", .handle = post_reload_all, .body_max = ACTION_BODY_MAX },
        { .method = "GET",  .path = "/api/v1/admin/reload-status", .handle = get_reload_status },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("orchestrator", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
        .suspend = control_suspend,
        .resume = control_resume,
};
