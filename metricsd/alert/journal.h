/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#define ALERT_JOURNAL_LINES 20

/* The last lines that a unit of this user logged, and that systemd logged about it, oldest first:
 * ["2026-01-31T08:15:30.123Z message"], with the cursors of the first and the last of them (NULL where there is none). Reads
 * for a bounded time; what it has by then is the answer. Negative errno when the journal cannot be read. The caller puts and
 * frees; any of the three may be NULL for not wanted. */
int alert_journal_read(const char *unit, json_object **ret_lines, char **ret_first_cursor, char **ret_last_cursor);
