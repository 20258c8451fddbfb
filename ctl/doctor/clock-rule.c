/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include "basic/macro.h"

/* Entries of other processors' clocks, and of the moment. */
#define FUTURE_USEC (60 * USEC_PER_SEC)
/* Time zones of whoever unpacked the program. */
#define BUILD_USEC (24 * 3600 * USEC_PER_SEC)

ClockFault clock_judge(const ClockFacts *facts) {
        if (facts->built > 0 && facts->now + BUILD_USEC < facts->built)
                return CLOCK_BEFORE_BUILD;
        if (facts->last_entry > facts->now + FUTURE_USEC)
                return CLOCK_BEHIND_JOURNAL;
        return facts->synchronised ? CLOCK_SOUND : CLOCK_FREE;
}
