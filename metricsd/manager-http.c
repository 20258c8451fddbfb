/* SPDX-License-Identifier: MIT */
#include "alert-http.h"
#include "basic/string-util.h"
#include "collectors-http.h"
#include "errors-http.h"
#include "foundation/json-util.h"
#include "history-http.h"
#include "manager.h"
#include "metrics-http.h"
#include "page.h"
#include "report.h"
#include "shared/log.h"

int manager_refuse_early(Manager *m, HttpRequest *request) {
        int r;

        if (fleet_is_loaded(m->fleet))
                return 0;
        r = http_reply_header(request, "Retry-After", "1");
        if (r >= 0)
                r = http_reply_error(request, 503, "NOT_READY", "the state of the services is still being read");
        return r < 0 ? r : 1;
}

static int get_dashboard(HttpRequest *request, void *state) {
        int r = manager_refuse_early(state, request);

        if (r != 0)
                return r < 0 ? r : 0;
        return http_reply_json(request, 200, manager_dashboard(state));
}

static int get_service(HttpRequest *request, void *state) {
        const char *id = http_request_param(request, "id");
        Manager *m = state;
        const FleetUnit *unit;
        int r = manager_refuse_early(m, request);

        if (r != 0)
                return r < 0 ? r : 0;
        unit = fleet_find(m->fleet, id);
        if (!unit || !unit->userdata)
                return http_reply_error(request, 404, "NOT_FOUND", "there is no service '%s'", id);
        return http_reply_json(request, 200, report_watched(unit->userdata));
}

static int get_providers(HttpRequest *request, void *state) {
        const Manager *m = state;

        return http_reply_json(request, 200, providers_to_json(&m->providers));
}

static const HttpRoute routes[] = {
        PAGE_ROUTES,
        { .method = "GET", .path = "/metrics",                    .handle = metrics_http_get      },
        { .method = "GET", .path = "/api/v1/metrics/dashboard",   .handle = get_dashboard         },
        { .method = "GET", .path = "/api/v1/metrics/service/:id", .handle = get_service           },
        { .method = "GET", .path = "/api/v1/metrics/alerts",      .handle = alert_http_get_status },
        { .method = "GET", .path = "/api/v1/metrics/history",     .handle = history_http_get_history },
        { .method = "GET", .path = "/api/v1/metrics/timeline",    .handle = history_http_get_timeline },
        { .method = "GET", .path = "/api/v1/metrics/providers",   .handle = get_providers         },
        { .method = "GET", .path = "/api/v1/metrics/collectors",  .handle = collectors_http_get   },
        { .method = "GET", .path = "/api/v1/metrics/errors",      .handle = errors_http_get       },
        { .path = "/ws/metrics",                                  .ws = &live_ws_type             },
        ALERT_ROUTES,
};

int manager_serve(Manager *m) {
        _cleanup_(route_set_unrefp) RouteSet *set = NULL;
        _cleanup_(freep) char *reason = NULL;
        const HttpRoute *builtin;
        size_t n_builtin;
        int r;

        builtin = server_builtin_routes(&n_builtin);
        r = route_set_new(routes, ELEMENTSOF(routes), builtin, n_builtin, m, 1, server_stats(m->server), &set, &reason);
        if (r < 0) {
                log_error("The route table is wrong: %s", strna(reason));
                return r;
        }
        route_set_set_builtin_state(set, m->server);
        return server_set_routes(m->server, set);
}
