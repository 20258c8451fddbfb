/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* GET /metrics, for a route whose state is the manager: all figures of now, as OpenMetrics or as classic text. A service has
 * less than SERIES_MAX series; what it is called stands in the labels name (of the unit) and service (its id). */
#define SERIES_MAX 40

int metrics_http_get(HttpRequest *request, void *state);
