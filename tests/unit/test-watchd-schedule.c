/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "basic/macro.h"
#include "watchd/schedule.h"

#define MS(n) ((n) * USEC_PER_MSEC)

static const Changes one_save = { .changed = 1, .waiting = 1 };
static const Changes nothing = { 0 };

static Schedule fresh_schedule(void) {
        return (Schedule) { .quiet = MS(200), .gather = MS(1000), .hold = MS(10000) };
}

/* Plays one save every step until end, with builds that take build_time, and counts the builds. The clock starts late
 * so that no time is 0. */
static unsigned play(uint64_t step, uint64_t end, uint64_t build_time) {
        Schedule s = fresh_schedule();
        uint64_t build_end = SCHEDULE_NEVER, start = MS(50000);
        unsigned builds = 0, unbuilt = 0;

        for (uint64_t now = start; now < start + end + MS(20000); now += MS(1)) {
                if (now < start + end && (now - start) % step == 0) {
                        unbuilt++;
                        schedule_note(&s, now, &one_save);
                }
                if (now >= build_end) {
                        build_end = SCHEDULE_NEVER;
                        schedule_ended(&s);
                }
                if (schedule_due(&s) <= now) {
                        cr_assert(!s.building);
                        schedule_started(&s);
                        builds++;
                        unbuilt = 0;
                        build_end = now + build_time;
                }
        }
        cr_expect_eq(unbuilt, 0, "a save was lost");
        return builds;
}

Test(watchd_schedule, single_save_is_due_at_once) {
        Schedule s = fresh_schedule();

        cr_expect_eq(schedule_due(&s), SCHEDULE_NEVER);
        schedule_note(&s, MS(5000), &one_save);
        cr_expect_eq(schedule_due(&s), MS(5000));
}

Test(watchd_schedule, fifty_saves_in_two_seconds) {
        cr_expect_eq(play(MS(40), MS(2000), MS(30)), 3);
        cr_expect_leq(play(MS(40), MS(2000), MS(300)), 3);
        cr_expect_eq(play(MS(40), MS(2000), MS(5000)), 2); /* one at once, one for all that came during it */
        cr_expect_eq(play(MS(300), MS(3000), MS(10)), 10); /* far enough apart */
}

Test(watchd_schedule, what_follows_is_gathered) {
        Schedule s = fresh_schedule();

        schedule_note(&s, MS(5000), &one_save);
        schedule_started(&s);
        schedule_ended(&s);
        schedule_note(&s, MS(5100), &one_save);
        cr_expect_eq(schedule_due(&s), MS(5300));
        schedule_note(&s, MS(5250), &one_save);
        cr_expect_eq(schedule_due(&s), MS(5450));
        for (uint64_t t = 5400; t <= 6000; t += 150)
                schedule_note(&s, MS(t), &one_save);
        cr_expect_eq(schedule_due(&s), MS(6100), "no longer than the gathering time");
        schedule_note(&s, MS(6050), &nothing);
        cr_expect_eq(schedule_due(&s), SCHEDULE_NEVER, "all of it was undone");
}

Test(watchd_schedule, several_at_once_are_a_burst) {
        Schedule s = fresh_schedule();

        schedule_note(&s, MS(5000), &(Changes) { .changed = 2, .waiting = 2 });
        cr_expect_eq(schedule_due(&s), MS(5200));
        s = fresh_schedule();
        schedule_note(&s, MS(5000), &(Changes) { .changed = 1, .waiting = 1, .fresh = 1 });
        cr_expect_eq(schedule_due(&s), MS(5200), "a new file may be somebody's temporary one");
        schedule_note(&s, MS(5001), &one_save);
        cr_expect_eq(schedule_due(&s), MS(5000), "and was, as the rename shows");
}

Test(watchd_schedule, half_a_save_waits_for_the_other_half) {
        Schedule s = fresh_schedule();

        schedule_note(&s, MS(5000), &(Changes) { .changed = 1, .waiting = 1, .gone = 1 });
        cr_expect_eq(schedule_due(&s), MS(6000));
        schedule_note(&s, MS(5400), &one_save);
        cr_expect_leq(schedule_due(&s), MS(5400));
}

Test(watchd_schedule, unchanged_files_do_not_prolong_the_wait) {
        Schedule s = fresh_schedule();

        schedule_note(&s, MS(5000), &(Changes) { .changed = 2, .waiting = 2 });
        schedule_note(&s, MS(5150), &(Changes) { .changed = 0, .waiting = 2 });
        cr_expect_eq(schedule_due(&s), MS(5200));
}

Test(watchd_schedule, change_during_a_build_is_built_after_it) {
        Schedule s = fresh_schedule();

        schedule_note(&s, MS(5000), &one_save);
        schedule_started(&s);
        schedule_note(&s, MS(9000), &one_save);
        cr_expect_eq(schedule_due(&s), SCHEDULE_NEVER);
        schedule_ended(&s);
        cr_expect_eq(schedule_due(&s), MS(9200));
}

Test(watchd_schedule, git) {
        Schedule s = fresh_schedule();

        schedule_git(&s, MS(5000), true, false);
        schedule_note(&s, MS(5001), &(Changes) { .changed = 2, .waiting = 2 });
        cr_expect_eq(schedule_due(&s), MS(15000));
        schedule_git(&s, MS(8000), true, false);
        cr_expect_eq(schedule_due(&s), MS(15000), "the lock is as old as it was");
        schedule_git(&s, MS(8500), true, true);
        cr_expect_eq(schedule_due(&s), MS(18500), "a new lock");
        s = fresh_schedule();
        schedule_git(&s, MS(5000), true, false);
        schedule_note(&s, MS(5500), &(Changes) { .changed = 2, .waiting = 2 });
        schedule_git(&s, MS(5600), false, true);
        cr_expect_leq(schedule_due(&s), MS(5600), "git ended");

        schedule_started(&s);
        schedule_ended(&s);
        schedule_git(&s, MS(20000), false, true);
        cr_expect_eq(schedule_due(&s), SCHEDULE_NEVER, "git ended without a change");
}

Test(watchd_schedule, stale_lock) {
        Schedule s = fresh_schedule();

        schedule_git(&s, MS(5000), true, false);
        schedule_note(&s, MS(60000), &one_save);
        cr_expect_eq(schedule_due(&s), MS(60000));
}

Test(watchd_schedule, forced) {
        Schedule s = fresh_schedule();

        schedule_force(&s);
        cr_expect_leq(schedule_due(&s), MS(1));
        schedule_note(&s, MS(5000), &nothing);
        cr_expect_leq(schedule_due(&s), MS(1), "whatever changes");
        schedule_started(&s);
        schedule_force(&s);
        cr_expect_eq(schedule_due(&s), SCHEDULE_NEVER);
        schedule_ended(&s);
        cr_expect_leq(schedule_due(&s), MS(1));
}
