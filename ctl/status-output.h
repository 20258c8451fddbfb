/* SPDX-License-Identifier: MIT */
#pragma once

#include "service-status.h"
#include "shared/registry.h"

/* The three faces of "status", all on stdout. Negative errno when one cannot be made. */

/* A line a service, the control plane's in a group of their own; then what is wrong with the whole, how the last build
 * went, and how many services run. */
int status_print_table(const StatusReport *report, const Registry *registry);

/* {"services":[...],"fleet":{"total":...,"active":...},"problems":[...],"build":{"status":...,"failed":...}}; durations in
 * milliseconds, memory in bytes, times ISO 8601. */
int status_print_json(const StatusReport *report, const Registry *registry);

/* One service at length, with its last lines in the journal. */
int status_print_one(const StatusReport *report);

/* Of the services asked for, those of the fleet (the control plane is not counted), and those of them that run. */
size_t status_count(const StatusReport *report, size_t *ret_active);

/* What is wrong with the whole, one line each: the registry's problems, an upgrade that is held, and a metricsd that does
 * not answer. The strings are those of report and registry; the caller frees the array. NULL without memory. */
const char **status_troubles(const StatusReport *report, const Registry *registry);
