/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>

#include "basic/decimal.h"
#include "basic/macro.h"

Test(decimal, parse) {
        static const struct {
                const char *text;
                unsigned places;
                int64_t max, value;
                int r;
        } cases[] = {
                { "0.15", 6, INT64_MAX, 150000, 0 },
                { "0.1", 6, INT64_MAX, 100000, 0 },
                { "3", 6, INT64_MAX, 3000000, 0 },
                { "0", 6, INT64_MAX, 0, 0 },
                { "-0.0", 6, INT64_MAX, 0, 0 },
                { "007.50", 2, INT64_MAX, 750, 0 },
                { "1.5e-07", 12, INT64_MAX, 150000, 0 },
                { "1.5E+2", 0, INT64_MAX, 150, 0 },
                { "3e-12", 12, INT64_MAX, 3, 0 },
                { "0.0000001", 6, INT64_MAX, 0, 1 },
                { "0.0000005", 6, INT64_MAX, 1, 1 },
                { "0.00000049999", 6, INT64_MAX, 0, 1 },
                { "4.9e-13", 12, INT64_MAX, 0, 1 },
                { "5e-13", 12, INT64_MAX, 1, 1 },
                { "5e-14", 12, INT64_MAX, 0, 1 },
                { "1.9999999", 6, INT64_MAX, 2000000, 1 },
                { "0.1230000000000000000000000000000", 3, INT64_MAX, 123, 0 },
                { "0e9999", 6, INT64_MAX, 0, 0 },
                { "0e99999999999999999999", 6, INT64_MAX, 0, 0 },
                { "1e-99999999999999999999", 6, INT64_MAX, 0, 1 },
                { "9223372036854775807", 0, INT64_MAX, INT64_MAX, 0 },
                { "9223372036854775808", 0, INT64_MAX, -1, -ERANGE },
                { "9223372036854775807.5", 0, INT64_MAX, -1, -ERANGE },
                { "1e19", 0, INT64_MAX, -1, -ERANGE },
                { "1e99999999999999999999", 0, INT64_MAX, -1, -ERANGE },
                { "1.00", 2, 100, 100, 0 },
                { "1.01", 2, 100, -1, -ERANGE },
                { "-0.1", 6, INT64_MAX, -1, -ERANGE },
                { "-1", 0, INT64_MAX, -1, -ERANGE },
                { "", 0, INT64_MAX, -1, -EINVAL },
                { "-", 0, INT64_MAX, -1, -EINVAL },
                { "+1", 0, INT64_MAX, -1, -EINVAL },
                { ".5", 2, INT64_MAX, -1, -EINVAL },
                { "5.", 2, INT64_MAX, -1, -EINVAL },
                { "1,5", 2, INT64_MAX, -1, -EINVAL },
                { "1.5.2", 2, INT64_MAX, -1, -EINVAL },
                { "1e", 2, INT64_MAX, -1, -EINVAL },
                { "1e+", 2, INT64_MAX, -1, -EINVAL },
                { "1e1.5", 2, INT64_MAX, -1, -EINVAL },
                { " 1", 2, INT64_MAX, -1, -EINVAL },
                { "1 ", 2, INT64_MAX, -1, -EINVAL },
                { "0x10", 2, INT64_MAX, -1, -EINVAL },
                { "NaN", 2, INT64_MAX, -1, -EINVAL },
                { "Infinity", 2, INT64_MAX, -1, -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t value = -1;

                cr_expect_eq(parse_decimal(cases[i].text, cases[i].places, cases[i].max, &value), cases[i].r, "'%s'",
                             cases[i].text);
                cr_expect_eq(value, cases[i].value, "'%s': %" PRId64, cases[i].text, value);
        }
}

Test(decimal, format) {
        static const struct {
                int64_t value;
                unsigned places;
                const char *text;
        } cases[] = {
                { 150000, 6, "0.15" },
                { 3000000, 6, "3" },
                { 0, 6, "0" },
                { 1, 9, "0.000000001" },
                { 1200, 2, "12" },
                { 100, 0, "100" },
                { -1, 9, "-0.000000001" },
                { INT64_MAX, 9, "9223372036.854775807" },
                { INT64_MIN, 9, "-9223372036.854775808" },
                { INT64_MIN, DECIMAL_PLACES_MAX, "-9.223372036854775808" },
                { INT64_MAX, 0, "9223372036854775807" },
        };
        char buf[DECIMAL_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_str_eq(format_decimal(buf, cases[i].value, cases[i].places), cases[i].text, "%" PRId64, cases[i].value);
}
