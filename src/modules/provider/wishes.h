/* SPDX-License-Identifier: MIT */
#pragma once

#include "ledger/ledger.h"

/* What people would like of the choice, by POST /api/v1/providers/policy and /switch of the service budget: settings of the
 * ledger, read anew for each choice, as budget is another process. */
typedef struct Wishes {
        char *preferred;      /* a provider's name, NULL for none */
        double price_weight;  /* for choose() */
        unsigned concurrency; /* calls of a provider at a time; UINT_MAX for no more than its own limit */
} Wishes;

int wishes_read(Ledger *l, Wishes *ret);
void wishes_done(Wishes *w);
