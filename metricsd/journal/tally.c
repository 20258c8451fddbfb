/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <math.h>
#include <string.h>

#include "basic/macro.h"

/* Makes second the newest of the window; what falls out is forgotten. */
static void advance(JournalTally *t, uint64_t second) {
        uint64_t steps = second - t->second;

        if (steps >= JOURNAL_WINDOW_SECONDS)
                (void) memset(t->seconds, 0, sizeof(t->seconds));
        else
                for (uint64_t i = 1; i <= steps; i++)
                        t->seconds[(t->second + i) % JOURNAL_WINDOW_SECONDS] = 0;
        t->second = second;
}

/* now says that the clock was set back: what is in the window can no longer be told from what is old. */
static bool is_ahead(const JournalTally *t, uint64_t now) {
        return t->second > now / USEC_PER_SEC + 1;
}

static void add_error(JournalTally *t, uint64_t at, uint64_t now) {
        uint64_t second = MIN(at, now) / USEC_PER_SEC;

        t->errors++;
        if (is_ahead(t, now)) {
                (void) memset(t->seconds, 0, sizeof(t->seconds));
                t->second = second;
        } else if (second > t->second)
                advance(t, second);
        /* Older than the window is what metricsd catches up with. */
        if (t->second - second < JOURNAL_WINDOW_SECONDS)
                t->seconds[second % JOURNAL_WINDOW_SECONDS]++;
}

void journal_tally_add(JournalTally *t, const JournalLine *line, uint64_t now) {
        t->lines[line->priority]++;
        if (line->priority <= JOURNAL_LEVEL_ERROR)
                add_error(t, line->at, now);
}

void journal_tally_lose(JournalTally *t, uint64_t now) {
        t->lost_at = now;
        t->errors_unknown = true;
}

double journal_tally_recent(const JournalTally *t, uint64_t now) {
        uint64_t end = now / USEC_PER_SEC, sum = 0;

        for (uint64_t i = 0; i < JOURNAL_WINDOW_SECONDS && i <= t->second && !is_ahead(t, now); i++)
                if (t->second - i + JOURNAL_WINDOW_SECONDS > end)
                        sum += t->seconds[(t->second - i) % JOURNAL_WINDOW_SECONDS];
        if (sum == 0 && t->lost_at > 0 && now < t->lost_at + JOURNAL_WINDOW_SECONDS * USEC_PER_SEC)
                return NAN;
        return (double) sum;
}

double journal_tally_tick(const JournalTally *t) {
        return t->errors == 0 && t->errors_unknown ? NAN : (double) t->errors;
}

void journal_tally_kept(JournalTally *t) {
        t->errors = 0;
        t->errors_unknown = false;
}
