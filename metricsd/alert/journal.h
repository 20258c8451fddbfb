/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#define ALERT_JOURNAL_LINES 20

/* The last lines that a unit of this user logged, and that systemd logged about it, oldest first:
 * ["2026-01-31T08:15:30.123Z message"]. Reads for a bounded time; what it has by then is the answer. NULL when the
 * journal cannot be read, or without memory; the caller puts. */
json_object *alert_journal_read(const char *unit);
