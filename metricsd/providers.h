/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stdint.h>

struct Manager;

/* How the providers do, as the service reports says it from the ledger of the last minutes: the three metrics of alerts that
 * are about no service's health. */
typedef struct Providers {
        /* Of the provider that is worst off, and of the limit that is used most; NAN while nobody says. */
        double success_rate, latency, budget_percent;
        json_object *answer; /* of reports, NULL for none */
        uint64_t at;         /* realtime usec of it */
} Providers;

#define PROVIDERS_INIT ((Providers) { .success_rate = NAN, .latency = NAN, .budget_percent = NAN })

/* What GET /api/v1/metrics/providers says; NULL without memory. The caller puts. */
json_object *providers_to_json(const Providers *p);
void providers_forget(Providers *p);
