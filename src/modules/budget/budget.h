/* SPDX-License-Identifier: MIT */
#pragma once

/* The window onto the ledger: limits and what is left of them, what providers cost and how they do, what is to be preferred.
 * Limits are held by provider, in the ledger; nothing here is kept twice. Money in bodies is USD. */

#include <systemd/sd-event.h>

#include "answers/answer.h"
#include "answers/input.h"
#include "burst.h"
#include "host/module-abi.h"
#include "watch.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define REALTIME_PATH "/api/v1/providers/realtime"
#define DAY "86400000000"

typedef struct Budget {
        Service *service;
        Ledger *ledger;     /* NULL until the first request */
        BurstClient *burst; /* NULL until the first burst */
        Watch *watch;       /* NULL until the first stream */
        sd_event_source *wake; /* wakes the streams from the loop */
        json_object *shown; /* what the streams were last told */
        uint64_t version;   /* counts what was shown; 0: nothing yet */
        bool stale;         /* the ledger has changed since */
} Budget;

/* --- Limits --- */
int get_budget(HttpRequest *request, void *userdata);
int put_budget(HttpRequest *request, void *userdata);
int get_history(HttpRequest *request, void *userdata);
int post_can_afford(HttpRequest *request, void *userdata);
/* used, limit, remaining and so on of one limit. */
void add_limit(Answer *a, const LedgerLimit *limit);

/* --- Providers --- */
int get_status(HttpRequest *request, void *userdata);
int get_costs(HttpRequest *request, void *userdata);
int get_recommend(HttpRequest *request, void *userdata);
int get_policy(HttpRequest *request, void *userdata);
int post_policy(HttpRequest *request, void *userdata);
int post_switch(HttpRequest *request, void *userdata);
int get_burst(HttpRequest *request, void *userdata);
int post_burst(HttpRequest *request, void *userdata);
int get_realtime(HttpRequest *request, void *userdata);
extern const HttpStreamType realtime_stream;

/* `status` and `providers` of what happened in the last `hours`. */
void add_provider_status(Answer *a, Ledger *l, unsigned long hours);
#define STATUS_HOURS 24

/* After a change of ours that streams are to show. */
void budget_changed(Budget *budget);

/* --- Attempts that tell something of their provider --- */
/* Ended, and sent. */
#define DONE "(total IS NOT NULL AND coalesce(error, '') <> 'released')"
/* What was given up by the client or by our own end says nothing of the provider. */
#define JUDGED "(total IS NOT NULL AND coalesce(error, '') NOT IN ('released', 'cancelled', 'interrupted'))"
#define SUCCEEDED "(total IS NOT NULL AND error IS NULL)"
#define SUCCESS_RATE "1.0 * sum(" SUCCEEDED ") / nullif(sum(" JUDGED "), 0)"
#define COST_PER_1K "1000.0 * sum(cost) / nullif(sum(tokens_in + tokens_out), 0)"
