/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "watchd/filter.h"

static char *const roots[] = { (char *) "src", (char *) "a/b", (char *) ".dots", (char *) "one.json", NULL };
static char *const globs[] = { (char *) "*.log", (char *) "src/gen/*", NULL };
static char *const skip[] = { (char *) "src/build", NULL };
static const Filter filter = { roots, globs, skip };

Test(watchd_filter, where) {
        static const struct {
                const char *path;
                FilterResult result;
        } cases[] = {
                { ".", FILTER_TOWARDS },       { "src", FILTER_INSIDE },         { "srcs", FILTER_OUTSIDE },
                { "src/x.c", FILTER_INSIDE },  { "a", FILTER_TOWARDS },          { "a/x.c", FILTER_OUTSIDE },
                { "a/b", FILTER_INSIDE },      { "a/b/c/x.c", FILTER_INSIDE },   { "one.json", FILTER_INSIDE },
                { ".dots", FILTER_INSIDE },    { ".dots/x", FILTER_INSIDE },     { ".dots/.x", FILTER_OUTSIDE },
                { ".git", FILTER_OUTSIDE },    { "src/build", FILTER_OUTSIDE },  { "src/build/x.c", FILTER_OUTSIDE },
                { "src/x.log", FILTER_OUTSIDE }, { "src/gen/x.c", FILTER_OUTSIDE }, { "src/gen", FILTER_INSIDE },
                { "src/builds", FILTER_INSIDE },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                cr_expect_eq(filter_path(&filter, cases[i].path), cases[i].result, "%s", cases[i].path);
}

Test(watchd_filter, droppings) {
        static const char *const ignored[] = {
                "src/.x", "src/x.c~", "src/#x.c#", "src/.#x.c", "src/.x.c.swp", "src/x.swo", "src/x.swx", "src/4913",
                "src/x.tmp", "src/x.orig", "src/x.rej", "src/node_modules", "src/__pycache__",
        };
        static const char *const kept[] = {
                "src/4914", "src/x.c", "src/x~.c", "src/#x", "src/x.swift", "src/tmp", "src/x.temp",
        };

        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
                cr_expect_eq(filter_path(&filter, ignored[i]), FILTER_OUTSIDE, "%s", ignored[i]);
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
                cr_expect_eq(filter_path(&filter, kept[i]), FILTER_INSIDE, "%s", kept[i]);
}

Test(watchd_filter, whole_tree) {
        char *const all[] = { (char *) ".", NULL };
        const Filter f = { all, NULL, NULL };

        cr_expect_eq(filter_path(&f, "."), FILTER_INSIDE);
        cr_expect_eq(filter_path(&f, "x.c"), FILTER_INSIDE);
        cr_expect_eq(filter_path(&f, ".git"), FILTER_OUTSIDE);
}

Test(watchd_filter, below) {
        cr_expect(path_is_below("a", "a"));
        cr_expect(path_is_below("a/b", "a"));
        cr_expect(path_is_below("a/b", "."));
        cr_expect_not(path_is_below("ab", "a"));
        cr_expect_not(path_is_below("a", "a/b"));
}
