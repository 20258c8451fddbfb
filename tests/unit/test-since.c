/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <time.h>

#include "../../ctl/since.h"
#include "basic/macro.h"

/* 2026-06-15 12:00:00.5 in Berlin, which is two hours ahead of UTC then and one in winter. */
#define NOW (UINT64_C(1781517600) * USEC_PER_SEC + USEC_PER_SEC / 2)
#define MIDNIGHT (UINT64_C(1781474400) * USEC_PER_SEC)

static void set_zone(void) {
        cr_assert_eq(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
        tzset();
}

Test(since, understood, .init = set_zone) {
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                { "now", NOW },
                { "today", MIDNIGHT },
                { "yesterday", MIDNIGHT - 24 * 3600 * USEC_PER_SEC },
                { "00:00", MIDNIGHT },
                { "08:15", MIDNIGHT + (8 * 3600 + 15 * 60) * USEC_PER_SEC },
                { "8:15:30.25", MIDNIGHT + (8 * 3600 + 15 * 60 + 30) * USEC_PER_SEC + 250000 },
                { "2026-06-15", MIDNIGHT },
                { "2026-06-15 12:00", NOW - USEC_PER_SEC / 2 },
                { "2026-06-15T12:00:00.5", NOW },
                { "2026-06-15T10:00:00.500Z", NOW },
                { "2026-06-15T10:00Z", NOW - USEC_PER_SEC / 2 },
                { "2026-06-15 12:00:00.500001+02:00", NOW + 1 },
                { "2026-06-15T05:00:00-0500", NOW - USEC_PER_SEC / 2 },
                { "2026-06-15T13:00:00+03", NOW - USEC_PER_SEC / 2 },
                { "2026-01-31 01:00", UINT64_C(1769817600) * USEC_PER_SEC },
                { "2028-02-29", UINT64_C(1835391600) * USEC_PER_SEC },
                { "-0s", NOW },
                { "-5min", NOW - 300 * USEC_PER_SEC },
                { "-5 minutes", NOW - 300 * USEC_PER_SEC },
                { "5min ago", NOW - 300 * USEC_PER_SEC },
                { "-1h30min", NOW - 5400 * USEC_PER_SEC },
                { "-1h 30min", NOW - 5400 * USEC_PER_SEC },
                { "-2d", NOW - UINT64_C(172800) * USEC_PER_SEC },
                { "-1w", NOW - UINT64_C(604800) * USEC_PER_SEC },
                { "-90s", NOW - 90 * USEC_PER_SEC },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;

                cr_expect_eq(parse_since(cases[i].text, NOW, &usec), 0, "%s", cases[i].text);
                cr_expect_eq(usec, cases[i].usec, "%s: %" PRIu64, cases[i].text, usec);
        }
}

Test(since, refused, .init = set_zone) {
        static const char *const cases[] = {
                "", "-", "ago", "5min", "+5min", "-5", "-5parsecs", "-min", "--5min", "-5min ago", "-5min ", "-5min x",
                "2026-02-30", "2027-02-29", "2026-13-01", "2026-00-01", "2026-06-15T", "2026-06-15 25:00",
                "2026-06-15 12:60", "2026-06-15Z", "12:00Z", "12", "12:", "12:00:00.", "12:00x", "2026-06-15 12:00 x",
                "2026-06-15T12:00:00+2", "2026-06-15T12:00:00+99:00", "2026-06-15T12:00:00+02:", "tomorrow",
                "1969-12-31", "-100000000w", "-99999999999999999999s", "2026/06/15",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 42;

                cr_expect_eq(parse_since(cases[i], NOW, &usec), -EINVAL, "%s", cases[i]);
                cr_expect_eq(usec, 42, "%s: %" PRIu64, cases[i], usec);
        }
}
