/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Decides when to build. It knows no clock and no file: the caller tells it what changed and when, and asks when
 * the next build is due. All times are of one monotonic clock, in microseconds.
 *
 * A single save after a quiet time is due at once. What follows closely waits until nothing has changed for
 * `quiet`, or until the oldest waiting change is `gather` old. While git holds its index, changes only wait. */

#define SCHEDULE_NEVER UINT64_MAX

/* Files, counted against what the last build was given. */
typedef struct Changes {
        unsigned changed; /* other content than at the look before this one */
        unsigned waiting; /* other content than the last build was given */
        unsigned gone;    /* of those waiting: missing or empty, which is what half a save looks like */
        unsigned fresh;   /* of those waiting: there now, not at the last build; perhaps an editor's temporary file */
} Changes;

typedef struct Schedule {
        uint64_t quiet, gather, hold; /* settings; hold is how long git's lock is believed */
        uint64_t first, last;         /* the oldest and the newest waiting change */
        uint64_t last_save;           /* the newest change that was surely a whole save; 0 for none */
        uint64_t locked_since;
        bool waiting, forced, urgent, only_gone, locked, building;
} Schedule;

/* After each look at the files. */
void schedule_note(Schedule *s, uint64_t now, const Changes *changes);

/* Asks for a build whether or not anything changed. */
void schedule_force(Schedule *s);

/* What git is doing: still (locked) in the middle of something, and whether something ended since the last call.
 * To be called after schedule_note, so that what git wrote before it ended is known. */
void schedule_git(Schedule *s, uint64_t now, bool locked, bool ended);

void schedule_started(Schedule *s);
void schedule_ended(Schedule *s);

/* What waits is for nobody. */
void schedule_forget(Schedule *s);

/* When the next build is due: a time that may be past, or SCHEDULE_NEVER. */
uint64_t schedule_due(const Schedule *s);
