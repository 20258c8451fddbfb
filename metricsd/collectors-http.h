/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* GET /api/v1/metrics/collectors -> {collectors:[{name, ok, error|null, runs, failures, cpuMs, lastSuccess|null}]}, for a
 * route whose state is the manager. */
int collectors_http_get(HttpRequest *request, void *state);
