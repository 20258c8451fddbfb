/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "modules/provider/slots.h"

typedef struct Waiter {
        Slot slot;
        char name;
} Waiter;

static char granted[64];

static void on_granted(void *userdata) {
        Waiter *w = userdata;

        granted[strlen(granted)] = w->name;
}

static int enter(Slots *s, Waiter *w, char name, int64_t key, const char *user) {
        *w = (Waiter) { .slot = { .granted = on_granted, .userdata = w }, .name = name };
        return slots_enter(s, &w->slot, key, user);
}

Test(provider_slots, as_many_as_may_and_then_as_many_as_may_wait) {
        Waiter w[5];
        Slots s;

        slots_init(&s, 2, 2);
        cr_expect_eq(enter(&s, &w[0], 'a', 0, NULL), 1);
        cr_expect_eq(enter(&s, &w[1], 'b', 0, NULL), 1);
        cr_expect_eq(enter(&s, &w[2], 'c', 0, NULL), 0);
        cr_expect_not(slots_full(&s));
        cr_expect_eq(enter(&s, &w[3], 'd', 0, NULL), 0);
        cr_expect(slots_full(&s));
        cr_expect_eq(enter(&s, &w[4], 'e', 0, NULL), -ENOBUFS);
        slots_leave(&s, &w[4].slot); /* which has none */
        slots_leave(&s, &w[0].slot);
        slots_leave(&s, &w[0].slot); /* no second one for it */
        cr_expect_str_eq(granted, "c");
        slots_leave(&s, &w[1].slot);
        cr_expect_str_eq(granted, "cd");
        slots_leave(&s, &w[2].slot);
        slots_leave(&s, &w[3].slot);
        cr_expect_eq(s.running, 0);
        cr_expect_eq(s.waiting, 0);
}

/* One sends six calls before the others send theirs. */
Test(provider_slots, keys_and_users_get_on_in_turn) {
        Waiter first, many[6], other, third;
        Slots s;

        slots_init(&s, 1, 100);
        cr_assert_eq(enter(&s, &first, '-', 9, NULL), 1);
        for (size_t i = 0; i < 6; i++)
                cr_assert_eq(enter(&s, &many[i], (char) ('1' + i), 1, NULL), 0);
        cr_assert_eq(enter(&s, &other, 'a', 2, NULL), 0);
        cr_assert_eq(enter(&s, &third, 'b', 2, "ada"), 0); /* another user of that key */
        slots_leave(&s, &first.slot);
        slots_leave(&s, &many[0].slot);
        slots_leave(&s, &other.slot);
        slots_leave(&s, &third.slot);
        for (size_t i = 1; i < 6; i++)
                slots_leave(&s, &many[i].slot);
        cr_expect_str_eq(granted, "1ab23456");
        cr_expect_eq(s.running, 0);
}

Test(provider_slots, who_goes_away_while_it_waits) {
        Waiter a, b, c;
        Slots s;

        slots_init(&s, 1, 10);
        cr_assert_eq(enter(&s, &a, 'a', 1, NULL), 1);
        cr_assert_eq(enter(&s, &b, 'b', 1, NULL), 0);
        cr_assert_eq(enter(&s, &c, 'c', 2, NULL), 0);
        slots_leave(&s, &b.slot);
        cr_expect_eq(s.waiting, 1);
        slots_leave(&s, &a.slot);
        cr_expect_str_eq(granted, "c");
        slots_leave(&s, &c.slot);
        cr_expect(TAILQ_EMPTY(&s.lanes));
}
