/* SPDX-License-Identifier: MIT */

/* Who uses the models, how much and how steadily: figures, scores with their formula, trends, retention and badges. */

#include "analytics.h"

#define LIMIT_USUAL 10
#define LIMIT_MAX 1000
#define DAYS_USUAL 30
#define DAYS_MAX 366
#define WEEKS_USUAL 8
#define WEEKS_MAX 52
#define BODY_MAX 4096

/* --- One user: /api/v1/metrics, /badges, /analytics/summary --- */

/* The user that the path names, and the ledger. Negative when the request has its answer. */
static int begin_user(HttpRequest *request, Analytics *analytics, const char **ret_user) {
        int r = param_name(request, "id", ret_user);

        return r < 0 ? r : use_ledger(request, &analytics->ledger);
}

static int reply_user(HttpRequest *request, Analytics *analytics, const char *user, Answer *a) {
        int r;

        answer_text(a, "userId", user);
        add_hint_if_unknown(a, analytics->ledger, user);
        r = answer_send(request, a);
        answer_done(a);
        return r;
}

typedef void (*AddPart)(Answer *a, Ledger *l, const char *user);

/* The parts one after the other; NULL for none. */
static int reply_parts(HttpRequest *request, Analytics *analytics, AddPart first, AddPart second) {
        const char *user;
        Answer a;

        if (begin_user(request, analytics, &user) < 0)
                return 0;
        a = answer_new();
        first(&a, analytics->ledger, user);
        if (second)
                second(&a, analytics->ledger, user);
        return reply_user(request, analytics, user, &a);
}

static int get_user(HttpRequest *request, void *userdata) {
        return reply_parts(request, userdata, add_user_metrics, add_streak);
}

static int get_engagement(HttpRequest *request, void *userdata) {
        return reply_parts(request, userdata, add_engagement, add_streak);
}

static int get_badges(HttpRequest *request, void *userdata) {
        return reply_parts(request, userdata, add_badges, NULL);
}

static int get_trend(HttpRequest *request, void *userdata) {
        Analytics *analytics = userdata;
        const char *user, *metric;
        unsigned long days;
        Answer a;

        if (query_word(request, "metric", "requests", trend_metrics, &metric) < 0 ||
            query_number(request, "days", DAYS_USUAL, 1, DAYS_MAX, &days) < 0 || begin_user(request, analytics, &user) < 0)
                return 0;
        a = answer_new();
        add_trend(&a, analytics->ledger, user, metric, days);
        return reply_user(request, analytics, user, &a);
}

/* Each part with its own formula. */
static int get_summary(HttpRequest *request, void *userdata) {
        Answer a, summary, engagement, badges;
        Analytics *analytics = userdata;
        const char *user;

        if (begin_user(request, analytics, &user) < 0)
                return 0;
        a = answer_new();
        summary = answer_new();
        engagement = answer_new();
        badges = answer_new();
        add_user_metrics(&summary, analytics->ledger, user);
        add_streak(&summary, analytics->ledger, user);
        add_engagement(&engagement, analytics->ledger, user);
        answer_object(&summary, "engagement", &engagement);
        add_badges(&badges, analytics->ledger, user);
        answer_object(&summary, "badges", &badges);
        add_trend(&summary, analytics->ledger, user, "requests", DAYS_USUAL);
        answer_object(&a, "summary", &summary);
        return reply_user(request, analytics, user, &a);
}

/* --- All of them --- */

static int reply(HttpRequest *request, Answer *a) {
        int r = answer_send(request, a);

        answer_done(a);
        return r;
}

static int get_global(HttpRequest *request, void *userdata) {
        Analytics *analytics = userdata;
        Answer a;

        if (use_ledger(request, &analytics->ledger) < 0)
                return 0;
        a = answer_new();
        add_global(&a, analytics->ledger);
        return reply(request, &a);
}

static int reply_list(HttpRequest *request, Analytics *analytics, void (*add)(Answer *a, Ledger *l, unsigned long limit)) {
        unsigned long limit;
        Answer a;

        if (query_number(request, "limit", LIMIT_USUAL, 1, LIMIT_MAX, &limit) < 0 ||
            use_ledger(request, &analytics->ledger) < 0)
                return 0;
        a = answer_new();
        add(&a, analytics->ledger, limit);
        return reply(request, &a);
}

static int get_top_performers(HttpRequest *request, void *userdata) {
        return reply_list(request, userdata, add_top_performers);
}

static int get_badge_leaderboard(HttpRequest *request, void *userdata) {
        return reply_list(request, userdata, add_badge_leaderboard);
}

static int get_dashboard(HttpRequest *request, void *userdata) {
        Analytics *analytics = userdata;
        unsigned long limit, weeks;
        Answer a, dashboard;

        if (query_number(request, "limit", LIMIT_USUAL, 1, LIMIT_MAX, &limit) < 0 ||
            query_number(request, "weeks", WEEKS_USUAL, 1, WEEKS_MAX, &weeks) < 0 ||
            use_ledger(request, &analytics->ledger) < 0)
                return 0;
        a = answer_new();
        dashboard = answer_new();
        add_global(&dashboard, analytics->ledger);
        add_top_performers(&dashboard, analytics->ledger, limit);
        add_badge_leaderboard(&dashboard, analytics->ledger, limit);
        add_retention(&dashboard, analytics->ledger, weeks);
        answer_object(&a, "dashboard", &dashboard);
        return reply(request, &a);
}

/* --- The life of a generation --- */

static int init(Service *service, void **ret_state) {
        Analytics *analytics = calloc(1, sizeof(Analytics));

        if (!analytics)
                return -ENOMEM;
        analytics->service = service;
        *ret_state = analytics;
        return 0;
}

static void fini(void *userdata) {
        Analytics *analytics = userdata;

        ledger_free(analytics->ledger);
        free(analytics);
}

static const HttpRoute routes[] = {
        { .method = "GET",  .path = "/api/v1/metrics/user/:id", .handle = get_user },
        { .method = "GET",  .path = "/api/v1/metrics/engagement/:id", .handle = get_engagement },
        { .method = "GET",  .path = "/api/v1/metrics/trend/:id", .handle = get_trend },
        { .method = "GET",  .path = "/api/v1/metrics/global", .handle = get_global },
        { .method = "GET",  .path = "/api/v1/metrics/top-performers", .handle = get_top_performers },
        { .method = "GET",  .path = "/api/v1/badges/user/:id", .handle = get_badges },
        { .method = "POST", .path = "/api/v1/badges/award", .handle = post_award, .body_max = BODY_MAX },
        { .method = "GET",  .path = "/api/v1/badges/leaderboard", .handle = get_badge_leaderboard },
        { .method = "GET",  .path = "/api/v1/analytics/dashboard", .handle = get_dashboard },
        { .method = "GET",  .path = "/api/v1/analytics/summary/:id", .handle = get_summary },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("analytics", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
};
