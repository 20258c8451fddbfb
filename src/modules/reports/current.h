/* SPDX-License-Identifier: MIT */
#pragma once

/* GET /api/v1/reports/current: how it stands now, for metricsd's alerts. A few rows of the ledger each time, and no
 * tally. */

#include <json-c/json_object.h>

#include "ledger/ledger.h"

#define CURRENT_MINUTES 15
/* A provider with fewer calls in that time is not judged: one that fails once in three calls is not to raise an alert. */
#define CURRENT_SAMPLE_MIN 10

/* {minutes, minSample, providers:[{name, successRate, avgLatency, sample}], successRate, latency, budget, hint?}: these
 * three are {provider, value} of the provider that is worst off and {percent, scope, subject, window} of the limit that
 * is used most; null for none. ledger may be NULL. The caller puts. */
int current_new(Ledger *ledger, uint64_t now, json_object **ret);
