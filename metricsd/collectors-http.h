/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* GET /api/v1/metrics/collectors -> {collectors:[{name, ok, error|null, runs, failures, cpuMs, lastSuccess|null}],
 * history:{ok, problem|null, fileBytes|null, samples|null, bytesPerSample|null},
 * self:{cpuPercent|null, memory|null}}, for a route whose state is the manager. cpuPercent is that of one core; memory in
 * bytes; samples are those that are packed, with their times. */
int collectors_http_get(HttpRequest *request, void *state);
