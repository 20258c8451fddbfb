/* SPDX-License-Identifier: MIT */
#pragma once

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* A directory of its own for each test, in which it is then. top: as mkdtemp(3) wants it. */
static inline void own_directory_enter(char *top) {
        cr_assert(mkdtemp(top));
        cr_assert_eq(chdir(top), 0);
}

/* With the files that are in it; anything else there fails the test. */
static inline void own_directory_leave(const char *top) {
        DIR *d = opendir(top);
        struct dirent *entry;

        cr_assert(d);
        while ((entry = readdir(d)))
                (void) unlinkat(dirfd(d), entry->d_name, 0); /* which fails for "." and ".." */
        (void) closedir(d);
        cr_expect_eq(rmdir(top), 0, "something else was left in %s", top);
}
