/* SPDX-License-Identifier: MIT */

/* Figures over all providers, computed from the ledger: leaderboard, trends, comparisons. Nothing is kept beside it, so
 * what a report says follows from the ledger's rows alone. */

#include "host/module-abi.h"
#include "kinds.h"
#include "waiting.h"

#define BASE "/api/v1/reports/"
#define NAMES_MAX 100
#define BUCKETS_MAX 1000

/* A handler for each kind, for a route carries no data of its own. */
#define REPORT(id, ...)                                                        \
        static int get_##id(HttpRequest *request, void *state) {               \
                static const ReportKind kind = { .make = make_##id, __VA_ARGS__ }; \
                return waiting_ask(state, request, &kind);                     \
        }

REPORT(leaderboard, .name = "provider-performance", .days = WINDOW_DAYS_DEFAULT, .limit_default = 20, .limit_max = NAMES_MAX,
       .compares = true, .trends = true)
REPORT(insights, .name = "provider-insights", .days = WINDOW_DAYS_DEFAULT, .recent = true)
REPORT(trends, .name = "provider-trends", .days = WINDOW_DAYS_DEFAULT, .limit_default = 31, .limit_max = BUCKETS_MAX,
       .buckets = true)
REPORT(comprehensive, .name = "comprehensive", .days = WINDOW_DAYS_DEFAULT, .recent = true)
REPORT(performance, .name = "performance", .days = WINDOW_DAYS_DEFAULT)
REPORT(delta, .name = "delta", .days = 7, .base = true)
REPORT(evolution, .name = "evolution", .days = WINDOW_DAYS_DEFAULT, .limit_default = 31, .limit_max = BUCKETS_MAX,
       .buckets = true)
REPORT(dashboard, .name = "dashboard", .days = WINDOW_DAYS_DEFAULT, .recent = true)
REPORT(comparison, .name = "ai-comparison", .days = WINDOW_DAYS_DEFAULT, .limit_default = 6, .limit_max = 20)
REPORT(latest_comparison, .name = "ai-comparison-latest", .days = 1, .limit_default = 6, .limit_max = 20)
REPORT(abilities, .name = "capabilities", .days = WINDOW_DAYS_DEFAULT)

static int get_current(HttpRequest *request, void *state) {
        return waiting_current(request, state);
}

static int init(Service *service, void **ret_state) {
        Waiting *w;
        int r = waiting_new(service_event(service), &w);

        if (r >= 0)
                *ret_state = w;
        return r;
}

static void fini(void *state) {
        waiting_free(state);
}

static const HttpRoute routes[] = {
        { .method = "GET", .path = BASE "provider-performance", .handle = get_leaderboard },
        { .method = "GET", .path = BASE "provider-insights", .handle = get_insights },
        { .method = "GET", .path = BASE "provider-trends", .handle = get_trends },
        { .method = "GET", .path = BASE "comprehensive", .handle = get_comprehensive },
        { .method = "GET", .path = BASE "performance", .handle = get_performance },
        { .method = "GET", .path = BASE "delta", .handle = get_delta },
        { .method = "GET", .path = BASE "evolution", .handle = get_evolution },
        { .method = "GET", .path = BASE "dashboard", .handle = get_dashboard },
        { .method = "GET", .path = BASE "ai-comparison", .handle = get_comparison },
        { .method = "GET", .path = BASE "ai-comparison/latest", .handle = get_latest_comparison },
        { .method = "GET", .path = BASE "capabilities", .handle = get_abilities },
        { .method = "GET", .path = BASE "current", .handle = get_current },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("reports", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
};
