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

Test(time_util, parse_timespan) {
        static const struct {
                const char *text;
                int r;
                uint64_t usec;
        } cases[] = {
                { "0s", 0, 0 },
                { "1ms", 0, USEC_PER_MSEC },
                { "30s", 0, 30 * USEC_PER_SEC },
                { "5min", 0, 300 * USEC_PER_SEC },
                { "1h 30min", 0, 5400 * USEC_PER_SEC },
                { "2d4h", 0, (2 * 24 + 4) * 3600 * USEC_PER_SEC },
                { "1s ", 0, USEC_PER_SEC },
                { "18446744073709551ms", 0, UINT64_C(18446744073709551000) },
                { "18446744073709552ms", -ERANGE, 0 },
                { "18446744073709551ms 1ms", -ERANGE, 0 },
                { "99999999999999999999s", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "30", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { " 1s", -EINVAL, 0 },
                { "-1s", -EINVAL, 0 },
                { "1.5s", -EINVAL, 0 },
                { "1m", -EINVAL, 0 }, /* minutes or months */
                { "1mins", -EINVAL, 0 },
                { "1s x", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;

                cr_expect_eq(parse_timespan(cases[i].text, &usec), cases[i].r, "%s", cases[i].text);
                cr_expect_eq(usec, cases[i].usec, "%s: %" PRIu64, cases[i].text, usec);
        }
}

Test(time_util, parse_iso8601) {
        static const struct {
                const char *text;
                int r;
                uint64_t usec;
        } cases[] = {
                { "1970-01-01T00:00:00Z", 0, 0 },
                { "2000-02-29T11:59:59.999Z", 0, UINT64_C(951825599999000) },
                { "2000-02-29T11:59:59.1234567Z", 0, UINT64_C(951825599123456) },
                { "2000-02-29T12:59:59+01:00", 0, UINT64_C(951825599000000) },
                { "2000-02-29T06:29:59-05:30", 0, UINT64_C(951825599000000) },
                { "2001-02-29T11:59:59Z", -EINVAL, 0 },
                { "2000-13-01T00:00:00Z", -EINVAL, 0 },
                { "2000-12-31T24:00:00Z", -EINVAL, 0 },
                { "2000-12-31T23:59:60Z", -EINVAL, 0 },
                { "1969-12-31T23:59:59Z", -EINVAL, 0 },
                { "2000-02-29T11:59:59", -EINVAL, 0 }, /* of which zone? */
                { "2000-02-29T11:59:59.Z", -EINVAL, 0 },
                { "2000-02-29T11:59:59Z ", -EINVAL, 0 },
                { "2000-02-29T11:59:59+0100", -EINVAL, 0 },
                { "2000-02-29T11:59:59+24:00", -EINVAL, 0 },
                { "2000-02-29 11:59:59Z", -EINVAL, 0 },
                { "2000-02-29", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;

                cr_expect_eq(parse_iso8601(cases[i].text, &usec), cases[i].r, "%s", cases[i].text);
                cr_expect_eq(usec, cases[i].usec, "%s: %" PRIu64, cases[i].text, usec);
        }
}
