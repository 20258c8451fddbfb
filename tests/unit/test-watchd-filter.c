/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "watchd/filter.h"

static char *const roots[] = { (char *) "src", (char *) "a/b", (char *) ".dots", (char *) "one.json", NULL };
static char *const globs[] = { (char *) "*.log", (char *) "src/gen/*", NULL };
static char *const skip[] = { (char *) "src/build", NULL };
static const Filter filter = { .roots = roots, .ignore = globs, .skip = skip };

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
        const Filter f = { .roots = all };

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

Test(watchd_filter, absolute) {
        static char *const absolute[] = { (char *) "/srv/app", (char *) "/srv/one.json", NULL };
        static char *const ignore[] = { (char *) "data/*", (char *) "/srv/app/gen", (char *) "*.css", NULL };
        static const Filter f = { .roots = absolute, .ignore = ignore, .program = true };
        static const struct {
                const char *path;
                FilterResult result;
        } cases[] = {
                { "/", FILTER_TOWARDS },                { "/srv", FILTER_TOWARDS },
                { "/srvs", FILTER_OUTSIDE },            { "/srv/app", FILTER_INSIDE },
                { "/srv/apps", FILTER_OUTSIDE },        { "/srv/app/x.py", FILTER_INSIDE },
                { "/srv/one.json", FILTER_INSIDE },     { "/srv/two.json", FILTER_OUTSIDE },
                { "/srv/app/data", FILTER_INSIDE },     { "/srv/app/data/x.py", FILTER_OUTSIDE },
                { "/srv/app/a/data/x", FILTER_INSIDE }, { "/srv/app/gen", FILTER_OUTSIDE },
                { "/srv/app/x.css", FILTER_OUTSIDE },   { "/srv/app/x.log", FILTER_OUTSIDE },
                { "/srv/app/.env", FILTER_OUTSIDE },    { "/srv/app/x.db", FILTER_OUTSIDE },
                { "/srv/app/x.db-wal", FILTER_OUTSIDE }, { "/srv/app/venv", FILTER_OUTSIDE },
                { "/srv/app/node_modules", FILTER_OUTSIDE }, { "/srv/app/x.dbm", FILTER_INSIDE },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                cr_expect_eq(filter_path(&f, cases[i].path), cases[i].result, "%s", cases[i].path);
        /* Of the fleet's own tree a name such as this is code. */
        cr_expect_eq(filter_path(&filter, "src/x.db"), FILTER_INSIDE);
}

static void expect_normal(const char *given, const char *normal) {
        char path[64];

        (void) stpcpy(path, given);
        cr_expect_eq(path_normalize(path), normal ? 0 : -22, "%s", given);
        if (normal)
                cr_expect_str_eq(path, normal);
}

Test(watchd_filter, normal_paths) {
        expect_normal("./a//b/", "a/b");
        expect_normal("", ".");
        expect_normal(".", ".");
        expect_normal("./", ".");
        expect_normal("/", "/");
        expect_normal("//", "/");
        expect_normal("//a/./b//", "/a/b");
        expect_normal("a/../b", NULL);
        expect_normal("/a/..", NULL);
        expect_normal("/a/..b", "/a/..b");
}
