/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "line.h"

/* How much a service has logged. Times are realtime usec, those that stand at the lines. */

#define JOURNAL_WINDOW_SECONDS 60

/* All zero is a valid start. */
typedef struct JournalTally {
        uint64_t lines[JOURNAL_LEVELS]; /* so far, by priority */
        uint64_t errors;     /* since the last tick that was kept */
        bool errors_unknown; /* and lines were lost since then */
        uint64_t lost_at;    /* when lines were lost last, 0 for never */
        uint32_t seconds[JOURNAL_WINDOW_SECONDS]; /* errors in each, up to `second` */
        uint64_t second;
} JournalTally;

void journal_tally_add(JournalTally *t, const JournalLine *line, uint64_t now);
/* Lines may be missing, nobody knows how many. */
void journal_tally_lose(JournalTally *t, uint64_t now);

/* Errors within the last JOURNAL_WINDOW_SECONDS. What was lost makes of "none" "nobody knows": NAN. A count that is not 0
 * stays, for there were that many at least, and a rule that watches for errors must see them. */
double journal_tally_recent(const JournalTally *t, uint64_t now);
/* Errors since the last tick that was kept, in the same way. */
double journal_tally_tick(const JournalTally *t);
/* A tick was kept: what comes belongs to the next. */
void journal_tally_kept(JournalTally *t);
