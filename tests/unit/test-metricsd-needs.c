/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "metricsd/needs.h"

#define SERVICE(name, list) { .id = (char *) name, .unit = (char *) "tooloo-" name ".service", .needs = list }

Test(metricsd_needs, directly_by_way_of_others_and_in_circles) {
        char *a[] = { (char *) "b", (char *) "nobody", NULL }, *b[] = { (char *) "c", NULL };
        char *c[] = { (char *) "b", (char *) "d", NULL };
        Service services[] = { SERVICE("a", a), SERVICE("b", b), SERVICE("c", c), SERVICE("d", NULL), SERVICE("e", NULL) };
        const Registry registry = { .services = services, .n_services = 5 };
        static const struct {
                const char *from, *to;
                bool expected;
        } cases[] = {
                { "a", "b", true },  { "a", "d", true },  { "b", "a", false }, { "b", "b", true },       { "c", "b", true },
                { "d", "a", false }, { "a", "e", false }, { "e", "e", false }, { "nobody", "a", false }, { "a", "nobody", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(needs_reach(&registry, cases[i].from, cases[i].to), cases[i].expected, "%s %s", cases[i].from,
                             cases[i].to);
}
