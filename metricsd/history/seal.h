/* SPDX-License-Identifier: MIT */
#pragma once

#include "block.h"
#include "hour.h"

/* An hour that is being packed. Nothing of it is in the database before its last step, which is one transaction: whatever
 * happens in between, the ticks are all that counts. */
typedef struct Seal {
        bool active;
        uint64_t hour;
        size_t n_ticks;
        HourTimes before; /* what is sealed of the hour already, which is added to */
        HourTimes times;  /* all */
        uint32_t *services; /* numbers, ascending */
        size_t n_services, next;
        Block *blocks;
        size_t n_blocks, space;
        HourFigures figures;
} Seal;

void seal_done(Seal *seal);

/* There is another tick in that hour: what has been packed of it is not all. */
void seal_disturb(Seal *seal, uint64_t hour);

/* Begins with the oldest hour that is over by now: 1, or 0 when there is none. */
int seal_begin(History *h, uint64_t now);
/* Does a bit of the one that is active: 1. */
int seal_go_on(History *h);

/* Packs some services of the one that is active. */
int seal_pack_some(History *h);
