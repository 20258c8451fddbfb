/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in microseconds. */
uint64_t now_usec(void);

/* CLOCK_REALTIME in microseconds. */
uint64_t now_realtime_usec(void);

/* "2026-01-31T08:15:30.123Z" and its terminating NUL. */
#define ISO8601_MAX sizeof("2026-01-31T08:15:30.123Z")

/* Writes a realtime stamp as ISO 8601 UTC with milliseconds; returns buf. */
char *format_iso8601(char buf[static ISO8601_MAX], uint64_t realtime_usec);

/* "3d 4h", "2min 5s", "850ms" and so on: the two largest units, as systemd prints them. */
#define TIMESPAN_MAX 32

/* Writes a duration for people; returns buf. */
char *format_timespan(char buf[static TIMESPAN_MAX], uint64_t usec);

/* Reads a duration as people write it: numbers, each with ms, s, min, h or d, blanks allowed between: "30s", "5min",
 * "1h 30min". -EINVAL for anything else, -ERANGE when it does not fit. */
int parse_timespan(const char *s, uint64_t *ret_usec);

/* Reads a point in time: "2026-01-31T08:15:30Z", with a fraction of a second if there is one, and "+01:00" in place of
 * the Z. -EINVAL for anything else, such as a date that no calendar has. */
int parse_iso8601(const char *s, uint64_t *ret_realtime_usec);
