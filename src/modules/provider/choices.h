/* SPDX-License-Identifier: MIT */
#pragma once

#include "choose.h"
#include "ledger/ledger.h"

/* The last choices, for GET /api/v1/providers/selections. */

#define CHOICES_MAX 256
#define CHOICE_ID_MAX 64

typedef struct Choice {
        uint64_t at; /* realtime */
        char request[CHOICE_ID_MAX + 1];
        char provider[LEDGER_NAME_MAX + 1], model[LEDGER_NAME_MAX + 1];
        Candidate figures;
        unsigned n;  /* of how many */
        unsigned attempt;
        double price_weight;
} Choice;

typedef struct Choices {
        Choice *ring;
        size_t next, n;
} Choices;

/* A place for the newest, empty. */
Choice *choices_add(Choices *c);
/* The newest first. NULL without memory. */
json_object *choices_to_json(const Choices *c, size_t limit);
/* {providerId, model, estimatedCost, priced, score, reasons}; NULL without memory. */
json_object *choice_to_json(const Choice *choice);
