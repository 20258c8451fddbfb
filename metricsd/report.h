/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "watched.h"

/* What is known, in the JSON of API.md. Every function gives NULL without memory; the caller puts what it gets. */

/* {id, name, port, status, responseTime, category, lastChecked, healthy, unitState, ...} */
json_object *report_watched(const Watched *w);

/* {stats, services, control, status, alerts}: the dashboard, and "data" of the WebSocket. Takes over alerts, an array;
 * NULL for none without memory. */
json_object *report_dashboard(const Watched *const *list, size_t n, uint64_t now, json_object *alerts);

/* {type:"metrics-update", data, timestamp, interval}: the latter in ms, so that a client knows when it has waited for the next
 * one in vain. interval in usec. Takes over data. */
json_object *report_update(uint64_t now, uint64_t interval, json_object *data);
