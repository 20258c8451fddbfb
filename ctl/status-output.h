/* SPDX-License-Identifier: MIT */
#pragma once

#include "service-status.h"

/* The three faces of "status", all on stdout. Negative errno when one cannot be made. */

/* A line a service. On a terminal it is coloured (unless $NO_COLOR is set) and the last column is cut to its width.
 * */
int status_print_table(const ServiceStatus *list, size_t n, const BuildStatus *build);

/* {"services":[...],"build":{"status":...,"failed":...}}; durations in milliseconds, memory in bytes, times ISO 8601.
 * */
int status_print_json(const ServiceStatus *list, size_t n, const BuildStatus *build);

/* One service at length, with its last lines in the journal. */
int status_print_one(const ServiceStatus *st, const BuildStatus *build);

/* True when stdout is a terminal that takes colours and nobody asked for none. */
bool status_colors(void);

/* "12.3M": bytes with a binary prefix, as systemctl prints them. */
#define BYTES_MAX 16
char *format_bytes(char buf[static BYTES_MAX], uint64_t bytes);
