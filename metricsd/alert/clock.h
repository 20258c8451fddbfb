/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "basic/time-util.h"

/* The alert engine asks no clock: whoever calls it says what time it is, so that its tests need not wait. Durations are
 * measured by the monotonic clock, which nobody sets; dates for people are realtime. Both in usec. */
typedef struct AlertTime {
        uint64_t monotonic;
        uint64_t realtime;
} AlertTime;

static inline AlertTime alert_time_now(void) {
        return (AlertTime) { .monotonic = now_usec(), .realtime = now_realtime_usec() };
}
