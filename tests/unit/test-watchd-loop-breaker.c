/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "watchd/loop-breaker.h"

#define GRACE 1000
#define WAIT 400

static void note(LoopBreaker *b, uint64_t now, bool running, uint64_t ended) {
        loop_breaker_note(b, loop_breaker_is_near(b, now, running, ended));
}

static LoopBreaker fresh(void) {
        return (LoopBreaker) { .grace = GRACE, .wait = WAIT };
}

/* A run of 100 that begins now, and its end. */
static uint64_t run(LoopBreaker *b, uint64_t now) {
        loop_breaker_started(b);
        return now + 100;
}

static uint64_t later(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

/* Runs that write for themselves, delay after their end (0: while they run): how many there are before they are paused. */
static unsigned runs_of_loop(uint64_t delay) {
        LoopBreaker b = fresh();
        uint64_t ended = run(&b, 5000);
        unsigned n = 1;

        while (n < 50) {
                uint64_t now = delay > 0 ? ended + delay : ended - 50;

                note(&b, now, delay == 0, ended);
                if (loop_breaker_is_loop(&b))
                        break;
                ended = run(&b, later(now, loop_breaker_hold(&b, ended)));
                n++;
        }
        return n;
}

Test(watchd_loop_breaker, a_loop_is_paused) {
        cr_expect_eq(runs_of_loop(0), LOOP_BREAKER_LIMIT + 1, "while it runs");
        cr_expect_eq(runs_of_loop(GRACE - 1), LOOP_BREAKER_LIMIT + 1, "right after");
        cr_expect_eq(runs_of_loop(GRACE), 50, "later it may be anybody");
}

Test(watchd_loop_breaker, the_first_runs_of_a_row_do_not_wait_and_the_others_longer_each_time) {
        LoopBreaker b = fresh();
        uint64_t ended = run(&b, 5000), holds[LOOP_BREAKER_LIMIT];

        for (unsigned i = 0; i < LOOP_BREAKER_LIMIT; i++) {
                note(&b, ended, true, ended);
                holds[i] = loop_breaker_hold(&b, ended);
                cr_expect_not(loop_breaker_is_loop(&b), "%u", i);
                holds[i] = holds[i] > 0 ? holds[i] - ended : 0;
                ended = run(&b, ended + holds[i]);
        }
        cr_expect_eq(holds[0], 0);
        cr_expect_eq(holds[1], 0);
        cr_expect_eq(holds[2], GRACE + WAIT);
        cr_expect_eq(holds[3], GRACE + 2 * WAIT);
        cr_expect_eq(holds[4], GRACE + 4 * WAIT);
}

/* Somebody who saves all the time, every `period`, while each run takes 100: nothing is paused, and the last save is run. */
static void expect_no_pause(uint64_t period) {
        LoopBreaker b = fresh();
        uint64_t ended = run(&b, 5000), due = 0;
        bool waits = false;
        unsigned runs = 0;

        for (uint64_t now = 5010; now < 5010 + 200 * period; now += period) {
                if (waits && due <= now) { /* ran before this save */
                        ended = run(&b, due);
                        waits = false;
                        runs++;
                }
                note(&b, now, now < ended, ended);
                cr_assert_not(loop_breaker_is_loop(&b), "every %lu, at %lu", (unsigned long) period, (unsigned long) now);
                due = later(later(now + 1, ended), loop_breaker_hold(&b, ended));
                waits = true;
        }
        cr_expect(runs > 0);
}

Test(watchd_loop_breaker, who_saves_fast_is_not_paused) {
        static const uint64_t periods[] = { 3, 30, 90, 110, 250, 500, 900, 999, 1000, 1200, 3000 };

        for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
                expect_no_pause(periods[i]);
}

Test(watchd_loop_breaker, another_change_ends_the_row) {
        LoopBreaker b = fresh();
        uint64_t ended = run(&b, 5000);

        for (unsigned i = 0; i < LOOP_BREAKER_LIMIT; i++) {
                note(&b, ended, true, ended);
                ended = run(&b, ended);
        }
        note(&b, ended, true, ended);
        cr_expect(loop_breaker_is_loop(&b));
        note(&b, ended + GRACE, false, ended);
        cr_expect_not(loop_breaker_is_loop(&b));
        cr_expect_eq(loop_breaker_hold(&b, ended), 0);
        loop_breaker_started(&b);
        cr_expect_eq(b.row, 0);
}

Test(watchd_loop_breaker, a_reset_begins_anew) {
        LoopBreaker b = { .grace = GRACE, .wait = WAIT, .row = LOOP_BREAKER_LIMIT, .own = true };

        cr_expect(loop_breaker_is_loop(&b));
        loop_breaker_reset(&b);
        cr_expect_not(loop_breaker_is_loop(&b));
        note(&b, 10, true, 0);
        cr_expect_not(loop_breaker_is_loop(&b));
}

Test(watchd_loop_breaker, before_the_first_run_nothing_is_its_doing) {
        LoopBreaker b = fresh();

        note(&b, 1, false, 0);
        cr_expect(b.foreign);
        cr_expect_not(b.own);
}
