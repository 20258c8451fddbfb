/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/queue.h>

#include "books.h"
#include "cache.h"
#include "catalog.h"
#include "choices.h"
#include "contents.h"
#include "host/module-abi.h"
#include "sampling.h"
#include "shared/curl-event.h"

/* One generation of the module: what its calls have in common. */

typedef struct Call Call;
typedef TAILQ_HEAD(CallList, Call) CallList;

typedef struct Gateway {
        Service *service;
        sd_event *event;
        CurlEvent *curl;
        Ledger *ledger; /* NULL in a trial, which touches nothing; so are all below */
        Books *books;
        Catalog *catalog;
        Cache *cache;
        Contents *contents;
        Choices *choices;
        Random random;
        CallList calls;
        sd_event_source *upkeep; /* reservations: those that run are renewed, those that are nobody's expire */
        sd_event_source *unpause; /* transfers whose client has read, out of libcurl's reach */
        BooksJob upkeep_job;
        bool upkeep_runs;
} Gateway;

int gateway_new(Service *service, Gateway **ret);
/* Ends the calls that still run, and books them. */
Gateway *gateway_free(Gateway *g);
TL_DEFINE_CLEANUP(Gateway *, gateway_free)

/* A call begins: reservations are looked after again. */
void gateway_wake_upkeep(Gateway *g);

/* How long a reservation stands without being renewed: what a killed process had reserved is free again after that. */
#define RESERVATION_USEC (30 * USEC_PER_SEC)
#define RESERVATION_RENEW_USEC (10 * USEC_PER_SEC)
