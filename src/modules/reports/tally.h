/* SPDX-License-Identifier: MIT */
#pragma once

/* The ledger's calls, summed up for each hour of UTC, provider and model: what a report adds up, so that its cost goes by
 * hours and not by calls. An hour without calls takes no memory. */

#include <stdbool.h>

#include "figures.h"

#define HOUR_USEC (UINT64_C(3600) * USEC_PER_SEC)
#define DAY_USEC (24 * HOUR_USEC)

/* Clients' requests: one may have made many calls, or, answered from the cache, none. */
typedef struct RequestCounts {
        uint64_t ended, failed, gone; /* failed: answered with 400 and over; gone: the client went away (499) */
        uint64_t hits, joined;        /* answered without a call of their own */
} RequestCounts;

typedef struct Tally Tally;

int tally_new(Tally **ret);
Tally *tally_free(Tally *t);
TL_DEFINE_CLEANUP(Tally *, tally_free)

/* Times are realtime usec. After -ENOMEM the tally is no good any more. */
int tally_add_call(Tally *t, uint64_t at, const char *provider, const char *model, const Call *call);
/* One that was counted as interrupted has got an outcome after all. */
int tally_forget_interrupted(Tally *t, uint64_t at, const char *provider, const char *model, const Call *call);
int tally_add_request(Tally *t, uint64_t at, unsigned status, const char *cache);

/* Of the first hour that has anything to the last one, in usec; 0 and 0 for none. */
void tally_span(const Tally *t, uint64_t *ret_from, uint64_t *ret_to);

/* Each model that was ever called, with the first and the last time; in no order. A negative result of tell ends it. */
int tally_each_model(const Tally *t, int (*tell)(const char *provider, const char *model, uint64_t first, uint64_t last,
                                                 void *userdata), void *userdata);

typedef struct Part {
        const char *provider;
        const char *model; /* NULL for all of the provider */
        Figures figures;
} Part;

/* Of a time: whole hours. Parts are ordered by provider and model; total is all of them. */
typedef struct Sum {
        Part *parts;
        size_t n;
        Figures total;
        RequestCounts requests;
} Sum;

#define SUM_INIT ((Sum) { .total = FIGURES_INIT })

void sum_done(Sum *s);

/* Of from <= hour < to. Names are valid as long as the tally; *ret is the caller's to end, also after -ENOMEM. */
int tally_sum(const Tally *t, uint64_t from, uint64_t to, bool by_model, Sum *ret);
/* NULL when it has no part. */
const Part *sum_find(const Sum *s, const char *provider);
