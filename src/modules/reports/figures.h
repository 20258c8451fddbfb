/* SPDX-License-Identifier: MIT */
#pragma once

/* What is counted of calls of providers. A provider is judged by the calls that succeeded or failed; by none that it had no
 * part in the end of: the client went away (cancelled), our process did (interrupted), or nothing was sent (released).
 * Latencies are of calls that succeeded: an error that comes at once would else make a provider fast. */

#include <json-c/json_object.h>
#include <stdbool.h>

#include "shared/histogram.h"

/* Below so many judged calls there is no rank, no score counts, and no test is made. */
#define SAMPLE_MIN 20
/* The histograms' error is 1/256 then, 0.4 %. */
#define FIGURES_BITS 7

typedef enum CallError {
        ERROR_CONNECT,
        ERROR_TIMEOUT,
        ERROR_RATE_LIMITED, /* http-429 */
        ERROR_REFUSED,      /* the other http-4xx */
        ERROR_SERVER,       /* http-5xx */
        ERROR_CUT,
        ERROR_MALFORMED,
        ERROR_EVENT,
        ERROR_UNSUPPORTED,
        ERROR_OTHER,
        _ERROR_FAULTS, /* those above are the provider's */
        ERROR_CANCELLED = _ERROR_FAULTS,
        ERROR_INTERRUPTED,
        ERROR_RELEASED,
        _ERROR_MAX,
} CallError;

/* The kind of a word of attempt.error (ledger/schema.h), and its name in answers. */
CallError call_error_of(const char *word);
const char *call_error_to_string(int error);

/* One call of a provider, as the ledger has it. */
typedef struct Call {
        bool succeeded;
        CallError error; /* unless succeeded */
        bool retry;      /* not the first of its request */
        bool stream, priced, reported;
        uint64_t ttft, total; /* usec, 0 for none */
        uint64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
        uint64_t cost;        /* nano-USD */
} Call;

/* Sums of whole numbers alone, so that they are the same in whichever order they came. */
typedef struct Figures {
        uint64_t succeeded, retries, streams, reported;
        uint32_t errors[_ERROR_MAX];
        uint64_t latency, ttft, n_ttft; /* usec */
        uint64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
        uint64_t priced, priced_tokens, cost; /* calls with a price, their tokens, what they cost in nano-USD */
        Histogram latencies;                  /* usec */
        Histogram costs;                      /* nano-USD per 1,000 tokens of each call that has a price and tokens */
} Figures;

#define FIGURES_INIT ((Figures) { .latencies = HISTOGRAM_INIT(FIGURES_BITS), .costs = HISTOGRAM_INIT(FIGURES_BITS) })

void figures_done(Figures *f);
int figures_add(Figures *f, const Call *call);
int figures_merge(Figures *f, const Figures *other);
/* Takes back one call that was interrupted, which has neither tokens nor cost. */
void figures_take_interrupted(Figures *f, const Call *call);

uint64_t figures_failed(const Figures *f);
/* succeeded or failed */
static inline uint64_t figures_judged(const Figures *f) {
        return f->succeeded + figures_failed(f);
}
/* All that were sent and are over. */
uint64_t figures_calls(const Figures *f);

/* NAN where there is nothing to say it of. Latencies in ms, money in USD. */
double figures_success_rate(const Figures *f);
double figures_average_ms(const Figures *f);
double figures_quantile_ms(const Figures *f, double q);
double figures_ttft_ms(const Figures *f);
double figures_cost_usd(const Figures *f);
double figures_cost_per_1k(const Figures *f);

/* {avgLatency, p50, p95, p99, avgTimeToFirstByte, successRate, costPer1kTokens, totalCost, requestsProcessed,
 * tokensProcessed, sample, succeeded, failed, retries, pricedCalls, unpricedCalls, errors:{...}}: null for what is not
 * known. NULL without memory. */
json_object *figures_to_json(const Figures *f);
