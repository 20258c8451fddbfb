/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "basic/macro.h"
#include "basic/time-util.h"

Test(time_util, clocks) {
        uint64_t a = now_usec(), b = now_usec();

        cr_expect_geq(b, a);
        cr_expect_gt(now_realtime_usec(), UINT64_C(1700000000) * USEC_PER_SEC);
}

Test(time_util, iso8601) {
        static const struct {
                uint64_t usec;
                const char *text;
        } cases[] = {
                { 0, "1970-01-01T00:00:00.000Z" },
                { 999, "1970-01-01T00:00:00.000Z" },
                { 1000, "1970-01-01T00:00:00.001Z" },
                { UINT64_C(951825599999999), "2000-02-29T11:59:59.999Z" },
                { UINT64_C(253402300799999999), "9999-12-31T23:59:59.999Z" },
                { UINT64_C(253402300800000000), "9999-12-31T23:59:59.999Z" }, /* no date of five digits is one of ours */
                { UINT64_MAX, "9999-12-31T23:59:59.999Z" },
        };
        char buf[ISO8601_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_str_eq(format_iso8601(buf, cases[i].usec), cases[i].text, "%" PRIu64, cases[i].usec);
}

Test(time_util, timespan) {
        static const struct {
                uint64_t usec;
                const char *text;
        } cases[] = {
                { 0, "0ms" },
                { 999, "0ms" },
                { 850 * USEC_PER_MSEC, "850ms" },
                { 1500 * USEC_PER_MSEC, "1s" },
                { 59 * USEC_PER_SEC, "59s" },
                { 60 * USEC_PER_SEC, "1min" },
                { 125 * USEC_PER_SEC, "2min 5s" },
                { 3600 * USEC_PER_SEC, "1h" },
                { 3661 * USEC_PER_SEC, "1h 1min" },
                { (3 * 24 + 4) * 3600 * USEC_PER_SEC, "3d 4h" },
                { UINT64_MAX, "213503982d 8h" },
        };
        char buf[TIMESPAN_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_str_eq(format_timespan(buf, cases[i].usec), cases[i].text, "%" PRIu64, cases[i].usec);
}
