/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"

typedef struct Seal {
        uint64_t hour;
} Seal;

static inline void seal_disturb(Seal *seal, uint64_t hour) {
        if (seal->hour == hour)
                seal->hour = 0;
}
