/* SPDX-License-Identifier: MIT */
#include "watchd/schedule.h"

#include "basic/macro.h"

void schedule_note(Schedule *s, uint64_t now, const Changes *changes) {
        bool after_quiet = s->last_save == 0 || now - s->last_save >= s->quiet;

        if (changes->waiting == 0) { /* all of it was undone */
                s->waiting = s->urgent = false;
                return;
        }
        if (changes->changed == 0)
                return;
        if (!s->waiting)
                s->first = now;
        s->waiting = true;
        s->only_gone = changes->gone == changes->waiting;
        /* Several files at once are the beginning of something larger, and a new or a missing one is often half of a
         * rename: neither is worth a build that the next event makes pointless. */
        s->urgent = changes->waiting == 1 && changes->gone == 0 && changes->fresh == 0 && after_quiet && !s->building;
        s->last = now;
        if (changes->gone + changes->fresh < changes->waiting)
                s->last_save = now;
}

void schedule_force(Schedule *s) {
        s->forced = true;
}

void schedule_git(Schedule *s, uint64_t now, bool locked, bool ended) {
        if (locked && (!s->locked || ended))
                s->locked_since = now;
        /* git writes its files before it gives up the lock, so nothing more of that change is to come. */
        if (ended && !locked && s->waiting && !s->building)
                s->urgent = true;
        s->locked = locked;
}

void schedule_forget(Schedule *s) {
        s->waiting = s->forced = s->urgent = s->only_gone = false;
}

void schedule_started(Schedule *s) {
        s->building = true;
        schedule_forget(s);
}

void schedule_ended(Schedule *s) {
        s->building = false;
}

uint64_t schedule_due(const Schedule *s) {
        uint64_t due;

        if ((!s->waiting && !s->forced) || s->building)
                return SCHEDULE_NEVER;
        if (s->forced)
                due = 0;
        else if (s->urgent)
                due = s->first;
        else if (s->only_gone) /* an editor that syncs its file to disk may take long between its two steps */
                due = s->first + s->gather;
        else
                due = MIN(s->last + s->quiet, s->first + s->gather);
        /* A git that crashed leaves its lock behind for good. */
        return s->locked ? MAX(due, s->locked_since + s->hold) : due;
}
