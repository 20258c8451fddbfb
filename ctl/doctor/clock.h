/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All realtime usec. */
typedef struct ClockFacts {
        uint64_t now;
        uint64_t built;      /* when the program was, 0 when that is not known */
        uint64_t last_entry; /* of the journal, 0 for none */
        bool synchronised;
} ClockFacts;

typedef enum ClockFault {
        CLOCK_SOUND,
        CLOCK_BEFORE_BUILD,
        CLOCK_BEHIND_JOURNAL,
        CLOCK_FREE, /* nothing sets it */
} ClockFault;

/* Pure: the worst of what is wrong. */
ClockFault clock_judge(const ClockFacts *facts);
