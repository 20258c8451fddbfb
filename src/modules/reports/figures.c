/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <math.h>

#include "basic/string-util.h"
#include "build.h"

static const char *const names[_ERROR_MAX] = {
        [ERROR_CONNECT] = "connect",         [ERROR_TIMEOUT] = "timeout",         [ERROR_RATE_LIMITED] = "rateLimited",
        [ERROR_REFUSED] = "refused",         [ERROR_SERVER] = "serverError",      [ERROR_CUT] = "cut",
        [ERROR_MALFORMED] = "malformed",     [ERROR_EVENT] = "errorEvent",        [ERROR_UNSUPPORTED] = "unsupported",
        [ERROR_OTHER] = "other",             [ERROR_CANCELLED] = "cancelled",     [ERROR_INTERRUPTED] = "interrupted",
        [ERROR_RELEASED] = "released",
};

const char *call_error_to_string(int error) {
        return names[error];
}

CallError call_error_of(const char *word) {
        static const struct {
                const char *prefix;
                CallError error;
        } words[] = {
                { "connect", ERROR_CONNECT },     { "timeout-", ERROR_TIMEOUT },        { "http-429", ERROR_RATE_LIMITED },
                { "http-4", ERROR_REFUSED },      { "http-5", ERROR_SERVER },           { "cut", ERROR_CUT },
                { "malformed", ERROR_MALFORMED }, { "error-event", ERROR_EVENT },       { "unsupported", ERROR_UNSUPPORTED },
                { "cancelled", ERROR_CANCELLED }, { "interrupted", ERROR_INTERRUPTED }, { "released", ERROR_RELEASED },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (startswith(word, words[i].prefix))
                        return words[i].error;
        return ERROR_OTHER;
}

void figures_done(Figures *f) {
        histogram_done(&f->latencies);
        histogram_done(&f->costs);
}

static int add_cost(Figures *f, const Call *call, uint64_t tokens) {
        f->priced++;
        f->cost += call->cost;
        f->priced_tokens += tokens;
        if (tokens == 0)
                return 0;
        return histogram_add(&f->costs, (uint64_t) ((double) call->cost * 1000 / (double) tokens));
}

int figures_add(Figures *f, const Call *call) {
        uint64_t tokens = call->tokens_in + call->tokens_out;
        int r = 0;

        if (call->succeeded) {
                r = histogram_add(&f->latencies, call->total);
                f->succeeded++;
                f->latency += call->total;
                f->ttft += call->ttft;
                f->n_ttft += call->ttft > 0;
        } else
                f->errors[call->error]++;
        if (!call->succeeded && call->error == ERROR_RELEASED)
                return r;
        f->retries += call->retry;
        f->streams += call->stream;
        f->reported += call->reported;
        f->tokens_in += call->tokens_in;
        f->tokens_out += call->tokens_out;
        f->tokens_cached += call->tokens_cached;
        f->tokens_reasoning += call->tokens_reasoning;
        return r >= 0 && call->priced ? add_cost(f, call, tokens) : r;
}

void figures_take_interrupted(Figures *f, const Call *call) {
        if (f->errors[ERROR_INTERRUPTED] == 0)
                return;
        f->errors[ERROR_INTERRUPTED]--;
        f->retries -= call->retry;
        f->streams -= call->stream;
        f->priced -= call->priced;
}

int figures_merge(Figures *f, const Figures *other) {
        int r;

        r = histogram_merge(&f->latencies, &other->latencies);
        if (r >= 0)
                r = histogram_merge(&f->costs, &other->costs);
        if (r < 0)
                return r;
        for (size_t i = 0; i < _ERROR_MAX; i++)
                f->errors[i] += other->errors[i];
        f->succeeded += other->succeeded;
        f->retries += other->retries;
        f->streams += other->streams;
        f->reported += other->reported;
        f->latency += other->latency;
        f->ttft += other->ttft;
        f->n_ttft += other->n_ttft;
        f->tokens_in += other->tokens_in;
        f->tokens_out += other->tokens_out;
        f->tokens_cached += other->tokens_cached;
        f->tokens_reasoning += other->tokens_reasoning;
        f->priced += other->priced;
        f->priced_tokens += other->priced_tokens;
        f->cost += other->cost;
        return 0;
}

/* --- What follows from them --- */

static double ratio(uint64_t a, uint64_t b, double unit) {
        return b == 0 ? NAN : (double) a / (double) b / unit;
}

uint64_t figures_failed(const Figures *f) {
        uint64_t n = 0;

        for (size_t i = 0; i < _ERROR_FAULTS; i++)
                n += f->errors[i];
        return n;
}

uint64_t figures_calls(const Figures *f) {
        return figures_judged(f) + f->errors[ERROR_CANCELLED] + f->errors[ERROR_INTERRUPTED];
}

double figures_success_rate(const Figures *f) {
        return ratio(f->succeeded, figures_judged(f), 1);
}

double figures_average_ms(const Figures *f) {
        return ratio(f->latency, f->succeeded, (double) USEC_PER_MSEC);
}

double figures_quantile_ms(const Figures *f, double q) {
        return histogram_quantile(&f->latencies, q) / (double) USEC_PER_MSEC;
}

double figures_ttft_ms(const Figures *f) {
        return ratio(f->ttft, f->n_ttft, (double) USEC_PER_MSEC);
}

double figures_cost_usd(const Figures *f) {
        return f->priced == 0 ? NAN : (double) f->cost / 1e9;
}

double figures_cost_per_1k(const Figures *f) {
        return ratio(f->cost, f->priced_tokens, 1e6); /* nano-USD a token, and 1,000 of them in USD */
}

static json_object *errors_to_json(const Figures *f) {
        json_object *json = json_object_new_object();

        for (int i = 0; json && i < _ERROR_MAX; i++)
                if (f->errors[i] > 0)
                        put(json, names[i], json_object_new_uint64(f->errors[i]));
        return json;
}

json_object *figures_to_json(const Figures *f) {
        json_object *json = json_object_new_object();

        if (!json)
                return NULL;
        put(json, "avgLatency", number_ms(figures_average_ms(f)));
        put(json, "p50", number_ms(figures_quantile_ms(f, 0.50)));
        put(json, "p95", number_ms(figures_quantile_ms(f, 0.95)));
        put(json, "p99", number_ms(figures_quantile_ms(f, 0.99)));
        put(json, "avgTimeToFirstByte", number_ms(figures_ttft_ms(f)));
        put(json, "successRate", number_share(figures_success_rate(f)));
        put(json, "costPer1kTokens", number_usd(figures_cost_per_1k(f)));
        put(json, "totalCost", number_usd(figures_cost_usd(f)));
        put(json, "requestsProcessed", json_object_new_uint64(figures_calls(f)));
        put(json, "tokensProcessed", json_object_new_uint64(f->tokens_in + f->tokens_out));
        put(json, "sample", json_object_new_uint64(figures_judged(f)));
        put(json, "succeeded", json_object_new_uint64(f->succeeded));
        put(json, "failed", json_object_new_uint64(figures_failed(f)));
        put(json, "retries", json_object_new_uint64(f->retries));
        put(json, "pricedCalls", json_object_new_uint64(f->priced));
        put(json, "unpricedCalls", json_object_new_uint64(figures_calls(f) - f->priced));
        put(json, "errors", errors_to_json(f));
        return json;
}
