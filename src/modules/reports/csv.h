/* SPDX-License-Identifier: MIT */
#pragma once

/* JSON as CSV by RFC 4180: lines end in CRLF, the first one names the columns, and a cell with a comma, a quote or an end of
 * line in it is quoted. Numbers are written as JSON has them; null is an empty cell. */

#include <json-c/json_object.h>
#include <stddef.h>

/* rows: an array of objects. An object in a row gives a column for each of its fields ("scores.latency"), an array one cell
 * that is its JSON. Columns come in the order in which rows first name them. The caller frees *ret. */
int csv_of_rows(json_object *rows, char **ret, size_t *ret_size);

/* Two columns, the path of each figure ("report.summary.calls", "insights.0.p") and the figure. */
int csv_of_paths(json_object *json, char **ret, size_t *ret_size);
