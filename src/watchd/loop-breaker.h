/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Tells a build (or a reload) that writes into what is watched, and so calls for itself for ever, from a person who saves
 * fast. It knows no clock and no file; all times are of one monotonic clock, in microseconds.
 *
 * What changes while a run is on, or within `grace` after it, may be that run's own doing. When nothing else has led to
 * several runs in a row, the next ones wait, longer each time: somebody who edits saves once more meanwhile, at a time at
 * which no run can have done it, and that ends the row at once. A run that writes for itself never does that, and is
 * paused. So no save of a person is left out: the last of a row is at worst a little late. */

#define LOOP_BREAKER_FREE 2  /* runs in a row that nobody has to wait for */
#define LOOP_BREAKER_LIMIT 5 /* runs in a row that are enough */

typedef struct LoopBreaker {
        uint64_t grace, wait; /* settings; wait is doubled with each further run of the row */
        unsigned row;         /* runs, the last one included, that only the one before can have led to */
        bool own, foreign;    /* what has changed since the last run began: near it, and at other times */
} LoopBreaker;

/* Something has changed, near a run or not. */
void loop_breaker_note(LoopBreaker *b, bool near);

/* A run begins. */
void loop_breaker_started(LoopBreaker *b);

/* What waits must wait until then; 0 for not at all. */
uint64_t loop_breaker_hold(const LoopBreaker *b, uint64_t ended);

/* True when what waits is not to be acted on any more: a row is full, and nothing else has changed. */
bool loop_breaker_is_loop(const LoopBreaker *b);

/* Somebody has asked for a run: the row begins anew. */
void loop_breaker_reset(LoopBreaker *b);

/* True when a change at this time may be the last run's own doing. ended: when that ended, 0 for never. */
bool loop_breaker_is_near(const LoopBreaker *b, uint64_t now, bool running, uint64_t ended);
