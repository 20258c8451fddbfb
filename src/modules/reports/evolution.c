/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>

#include "kinds.h"
#include "ledger/ledger.h"

/* GET /api/v1/reports/evolution?bucket&limit: how the fleet of providers has become what it is, by day or hour, with what
 * changed in each: models that were called for the first time, and prices. */

#define PRICES_MAX 1000

typedef struct Evolution {
        const Window *bucket;
        json_object *events;
} Evolution;

static int add_first(const char *provider, const char *model, uint64_t first, uint64_t last, void *userdata) {
        const Evolution *e = userdata;
        json_object *json;

        if (first < e->bucket->from || first >= e->bucket->to)
                return 0;
        json = json_object_new_object();
        put_text(json, "type", "first-call");
        put_time(json, "at", first);
        put_text(json, "provider", provider);
        put_text(json, "model", model);
        push(e->events, json);
        return 0;
}

/* Pico-USD a token as USD per million tokens. */
static json_object *price_to_json(int64_t pico) {
        return pico < 0 ? NULL : number_usd((double) pico / 1e6);
}

static int add_prices(const Question *q, const Evolution *e) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        if (!q->ledger)
                return 0;
        r = ledger_ask(q->ledger, &s, "SELECT at, provider, model, input, output FROM price "
                       "WHERE at >= ? AND at < ? ORDER BY id LIMIT ?", "uui", e->bucket->from, e->bucket->to,
                       (int64_t) PRICES_MAX);
        while (r >= 0 && (r = ledger_next(s)) > 0) {
                json_object *json = json_object_new_object();

                put_text(json, "type", "price");
                put_time(json, "at", (uint64_t) sqlite3_column_int64(s, 0));
                put_text(json, "provider", statement_text(s, 1));
                put_text(json, "model", statement_text(s, 2));
                put(json, "inputPerMillion", price_to_json(sqlite3_column_int64(s, 3)));
                put(json, "outputPerMillion", price_to_json(sqlite3_column_int64(s, 4)));
                push(e->events, json);
        }
        return r;
}

static const char *busiest(const Sum *sum) {
        const Part *best = NULL;

        for (size_t i = 0; i < sum->n; i++)
                if (!best || figures_calls(&sum->parts[i].figures) > figures_calls(&best->figures))
                        best = sum->parts + i;
        return best ? best->provider : NULL;
}

static int add_bucket(const Question *q, const Window *bucket, json_object *timeline) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        _cleanup_(json_object_putp) json_object *events = json_object_new_array();
        Evolution e = { .bucket = bucket, .events = events };
        json_object *json;
        int r;

        r = sum_calls(q, bucket, false, &sum);
        if (r >= 0 && q->tally)
                r = tally_each_model(q->tally, add_first, &e);
        if (r >= 0)
                r = add_prices(q, &e);
        if (r < 0 || (sum.n == 0 && sum.requests.ended == 0 && json_object_array_length(events) == 0))
                return r;
        json = json_object_new_object();
        put_time(json, "at", bucket->from);
        put_brief(json, &sum.total);
        put(json, "requests", requests_to_json(&sum.requests));
        put(json, "providers", json_object_new_uint64(sum.n));
        put_text(json, "busiest", busiest(&sum));
        put(json, "events", json_object_get(events));
        push(timeline, json);
        return 0;
}

int make_evolution(const Question *q, Answer *ret) {
        Window bucket;
        int r = 0;

        ret->json = json_object_new_object();
        ret->rows = json_object_new_array();
        for (unsigned n = q->limit; n-- > 0 && r >= 0;)
                if (bucket_of(&q->window, q->by_hour, n, &bucket))
                        r = add_bucket(q, &bucket, ret->rows);
        if (r < 0)
                return r;
        put(ret->json, "timeline", json_object_get(ret->rows));
        put_text(ret->json, "bucket", q->by_hour ? "hour" : "day");
        put(ret->json, "window", window_to_json(&q->window));
        put_method(ret->json);
        if (json_object_array_length(ret->rows) == 0)
                put_hint(ret->json, q, NULL);
        return 0;
}
