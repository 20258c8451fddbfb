/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* What is remembered, as JSON. Handlers of routes whose state is the Manager. */

/* ?service&metric&from&to&step -> {service, metric, unit, from, to, step, points:[[t, avg, min, max]]}: t in ms of the
 * epoch, null in a step in which nothing was collected. from and to are moved out to whole steps. */
int history_http_get_history(HttpRequest *request, void *state);
/* ?service&kind&from&to&limit -> {events:[{id, at, service, kind, cause, text, detail, invocationId, cursor}], total},
 * newest first. */
int history_http_get_timeline(HttpRequest *request, void *state);
