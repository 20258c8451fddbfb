/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* A point in time as people write it, for *ret in realtime usec:
 *
 *   2026-01-31, 2026-01-31 08:15, 2026-01-31T08:15:30.5     local time; with Z or +01:00 at its end that zone's
 *   08:15, 08:15:30                                         of today, local time
 *   now, today, yesterday                                   the latter two: their midnight
 *   -5min, -1h30min, "5min ago"                             before now; s, min, h, d, w and systemd.time(7)'s longer names
 *
 * now is realtime usec. -EINVAL for anything else, for a day that no calendar has, and for times before 1970. */
int parse_since(const char *s, uint64_t now, uint64_t *ret);
