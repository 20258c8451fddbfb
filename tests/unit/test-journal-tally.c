/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "../../metricsd/journal/tally.h"
#include "basic/macro.h"

#define S USEC_PER_SEC
#define T0 (UINT64_C(1700000000) * S)

static JournalTally t;

static void line(int priority, uint64_t at, uint64_t now) {
        journal_tally_add(&t, &(JournalLine) { .priority = priority, .at = at }, now);
}

Test(journal_tally, levels) {
        for (int level = 0; level < JOURNAL_LEVELS; level++)
                for (int n = 0; n <= level; n++)
                        line(level, T0, T0);
        for (int level = 0; level < JOURNAL_LEVELS; level++)
                cr_expect_eq(t.lines[level], (uint64_t) level + 1);
        cr_expect_eq(journal_tally_tick(&t), 1 + 2 + 3 + 4, "err and worse");
        cr_expect_eq(journal_tally_recent(&t, T0), 10);
}

Test(journal_tally, window) {
        cr_expect_eq(journal_tally_recent(&t, T0), 0);
        line(3, T0, T0);
        line(3, T0 + 30 * S, T0 + 30 * S);
        line(2, T0 + 59 * S, T0 + 59 * S);
        cr_expect_eq(journal_tally_recent(&t, T0 + 59 * S), 3);
        cr_expect_eq(journal_tally_recent(&t, T0 + 60 * S), 2);
        cr_expect_eq(journal_tally_recent(&t, T0 + 90 * S), 1);
        cr_expect_eq(journal_tally_recent(&t, T0 + 119 * S), 0);
        line(3, T0 + 500 * S, T0 + 500 * S);
        cr_expect_eq(journal_tally_recent(&t, T0 + 500 * S), 1, "what fell out while nothing came stays out");
}

Test(journal_tally, catching_up) {
        line(3, T0 - 3600 * S, T0);
        line(3, T0 - 70 * S, T0);
        line(3, T0 - 10 * S, T0);
        line(3, T0 - 20 * S, T0);
        cr_expect_eq(journal_tally_recent(&t, T0), 2);
        cr_expect_eq(journal_tally_tick(&t), 4);
}

Test(journal_tally, clock_set_back) {
        line(3, T0, T0);
        line(3, T0 - 3600 * S, T0 - 3600 * S);
        cr_expect_eq(journal_tally_recent(&t, T0 - 3600 * S), 1, "what was before the step is not seen for an hour");
        cr_expect_eq(journal_tally_recent(&t, T0 - 3500 * S), 0);
        line(3, T0 + 3600 * S, T0); /* of the time before the step, as when metricsd catches up */
        cr_expect_eq(journal_tally_recent(&t, T0), 1);
}

Test(journal_tally, unknown) {
        journal_tally_lose(&t, T0);
        cr_expect(isnan(journal_tally_recent(&t, T0)), "none is not known to be none");
        cr_expect(isnan(journal_tally_tick(&t)));
        line(6, T0 + S, T0 + S);
        cr_expect(isnan(journal_tally_recent(&t, T0 + 59 * S)));
        cr_expect_eq(journal_tally_recent(&t, T0 + 60 * S), 0);
        line(3, T0 + 2 * S, T0 + 2 * S);
        cr_expect_eq(journal_tally_recent(&t, T0 + 2 * S), 1, "there was one at least");
        cr_expect_eq(journal_tally_tick(&t), 1);
        journal_tally_kept(&t);
        cr_expect_eq(journal_tally_tick(&t), 0);
}
