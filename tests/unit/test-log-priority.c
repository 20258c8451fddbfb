/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "../../ctl/log-priority.h"
#include "basic/macro.h"

Test(log_priority, understood) {
        static const struct {
                const char *text;
                unsigned bits;
        } cases[] = {
                { "emerg", 0x01 },      { "0", 0x01 },     { "err", 0x0f },          { "3", 0x0f },     { "debug", 0xff },
                { "7", 0xff },          { "0..7", 0xff },  { "err..warning", 0x18 }, { "4..err", 0x18 }, { "info..info", 0x40 },
                { "notice..crit", 0x3c },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned bits = 0;

                cr_expect_eq(parse_priorities(cases[i].text, &bits), 0, "%s", cases[i].text);
                cr_expect_eq(bits, cases[i].bits, "%s: %x", cases[i].text, bits);
        }
}

Test(log_priority, refused) {
        static const char *const cases[] = { "", "8", "-1", "33", "error", "ERR", "err.", "err..", "..err", "..", "1..2..3", "1...2" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned bits = 42;

                cr_expect_eq(parse_priorities(cases[i], &bits), -EINVAL, "%s", cases[i]);
                cr_expect_eq(bits, 42, "%s", cases[i]);
        }
}

Test(log_priority, names) {
        cr_expect_str_eq(priority_to_string(0), "emerg");
        cr_expect_str_eq(priority_to_string(7), "debug");
}
