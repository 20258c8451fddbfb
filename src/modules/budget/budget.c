/* SPDX-License-Identifier: MIT */

/* What providers may cost and do cost, how they do, and what is to be preferred. */

#include "budget.h"

#define BODY_MAX 4096
#define TTL_USUAL 3600

/* --- POST, GET /api/v1/providers/burst {prompt, ttlSeconds, model, user} --- */

static int ask_burst(HttpRequest *request, Budget *budget, const BurstAsk *ask) {
        int r = budget->burst ? 0 : burst_client_new(service_event(budget->service), &budget->burst);

        if (r >= 0)
                r = burst_client_ask(budget->burst, request, ask);
        return r < 0 ? r : HTTP_LATER;
}

int post_burst(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        BurstAsk ask;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        if (body_text(request, body, "prompt", true, BURST_PROMPT_MAX, &ask.prompt) < 0 ||
            body_number(request, body, "ttlSeconds", TTL_USUAL, 1, BURST_TTL_MAX, &ask.ttl) < 0 ||
            body_name(request, body, "model", false, &ask.model) < 0 ||
                    body_name(request, body, "user", false, &ask.user) < 0)
                return 0;
        return ask_burst(request, userdata, &ask);
}

int get_burst(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;
        Answer a, burst;
        int r;

        if (use_ledger(request, &budget->ledger) < 0)
                return 0;
        a = answer_new();
        burst = answer_new();
        answer_row(&burst, NULL, budget->ledger,
                   "SELECT count(*) AS requests, coalesce(sum(cache = 'hit'), 0) AS hits, coalesce(sum(cache = 'joined'),"
                   " 0) AS joined,"
                   " coalesce(sum(cache NOT IN ('hit', 'joined')), 0) AS misses, coalesce(sum(status >= 400), 0) AS failed,"
                   " 1.0 * sum(cache IN ('hit', 'joined')) / nullif(count(*), 0) AS \"hitRate:number\","
                   " max(at) AS \"lastAt:time\" FROM request WHERE source = 'burst'", "");
        answer_row(&burst, NULL, budget->ledger,
                   "SELECT coalesce(sum(a.cost), 0) AS \"cost:usd\" FROM request q JOIN attempt a ON a.request = q.id"
                   " WHERE q.source = 'burst'", "");
        answer_text(&burst, "formula", "hitRate = (hits + joined) / requests; joined: asked while the same call was under"
                                       " way");
        answer_object(&a, "burst", &burst);
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

/* --- The life of a generation --- */

/* At the begin, too: the streams that the generation before has left had been told of changes by that. */
static int on_wake(sd_event_source *source, void *userdata) {
        Budget *budget = userdata;

        service_wake_streams(budget->service, REALTIME_PATH);
        return 0;
}

static void fini(void *userdata) {
        Budget *budget = userdata;

        sd_event_source_disable_unref(budget->wake);
        burst_client_free(budget->burst);
        watch_free(budget->watch);
        ledger_free(budget->ledger);
        json_object_put(budget->shown);
        free(budget);
}

static int init(Service *service, void **ret_state) {
        _cleanup_(freep) Budget *budget = calloc(1, sizeof(Budget));
        int r = 0;

        if (!budget)
                return -ENOMEM;
        budget->service = service;
        if (!service_is_trial(service))
                r = sd_event_add_defer(service_event(service), &budget->wake, on_wake, budget);
        if (r < 0)
                return r;
        *ret_state = TAKE_PTR(budget);
        return 0;
}

#define PROVIDERS "/api/v1/providers/"

static const HttpRoute routes[] = {
        { .method = "GET",  .path = "/api/v1/budget", .handle = get_budget },
        { .method = "PUT",  .path = "/api/v1/budget", .handle = put_budget, .body_max = BODY_MAX },
        { .method = "GET",  .path = "/api/v1/budget/history", .handle = get_history },
        { .method = "POST", .path = "/api/v1/budget/can-afford", .handle = post_can_afford, .body_max = BODY_MAX },
        { .method = "GET",  .path = PROVIDERS "status", .handle = get_status },
        { .method = "GET",  .path = PROVIDERS "policy", .handle = get_policy },
        { .method = "POST", .path = PROVIDERS "policy", .handle = post_policy, .body_max = BODY_MAX },
        { .method = "GET",  .path = PROVIDERS "burst", .handle = get_burst },
        { .method = "POST", .path = PROVIDERS "burst", .handle = post_burst },
        { .method = "GET",  .path = PROVIDERS "costs", .handle = get_costs },
        { .method = "GET",  .path = PROVIDERS "recommend", .handle = get_recommend },
        { .method = "POST", .path = PROVIDERS "switch", .handle = post_switch, .body_max = BODY_MAX },
        { .method = "GET",  .path = REALTIME_PATH, .handle = get_realtime, .stream = &realtime_stream },
};

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("budget", "0.1.0"),
        .routes = routes,
        .n_routes = ELEMENTSOF(routes),
        .init = init,
        .fini = fini,
};
