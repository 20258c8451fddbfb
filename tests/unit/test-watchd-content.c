/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "watchd/content.h"

static char directory[] = "/tmp/test-watchd-content-XXXXXX";

static void enter(void) {
        cr_assert_not_null(mkdtemp(directory));
        cr_assert_eq(chdir(directory), 0);
}

static void leave(void) {
        static const char *const names[] = { "a", "b", "c", "d", "big", "fifo", "link" };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                (void) unlink(names[i]);
        (void) rmdir(directory);
}

TestSuite(watchd_content, .init = enter, .fini = leave);

static void put(const char *path, const char *text) {
        cr_assert_eq(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static Changes look(Content *c, const char *path, bool building) {
        cr_assert_eq(content_touch(c, path), 0);
        return content_look(c, building);
}

#define expect(changes, c, w, g, f)                                                                                  \
        do {                                                                                                         \
                Changes _x = (changes);                                                                              \
                cr_expect_eq(_x.changed, c, "changed %u", _x.changed);                                               \
                cr_expect_eq(_x.waiting, w, "waiting %u", _x.waiting);                                               \
                cr_expect_eq(_x.gone, g, "gone %u", _x.gone);                                                        \
                cr_expect_eq(_x.fresh, f, "fresh %u", _x.fresh);                                                     \
        } while (0)

static Content *with_two_files(void) {
        Content *c;

        put("a", "one");
        put("b", "one");
        cr_assert_eq(content_new(3, &c), 0);
        cr_assert_eq(content_touch(c, "a"), 0);
        cr_assert_eq(content_touch(c, "b"), 0);
        expect(content_look(c, false), 2, 2, 0, 2);
        content_accept(c);
        expect(content_look(c, false), 0, 0, 0, 0);
        return c;
}

static void expect_waiting(const Content *c, const char *first, unsigned n) {
        unsigned n_waiting = 100;
        const char *path = content_waiting(c, &n_waiting);

        cr_expect_eq(n_waiting, n, "%u wait", n_waiting);
        cr_expect_str_eq(strna(path), strna(first));
}

Test(watchd_content, knows_what_changed_first) {
        _cleanup_(content_freep) Content *c = with_two_files();

        expect_waiting(c, NULL, 0);
        put("b", "two");
        put("a", "two");
        cr_assert_eq(content_touch(c, "b"), 0);
        cr_assert_eq(content_touch(c, "a"), 0);
        (void) content_look(c, false);
        expect_waiting(c, "b", 2);
        put("b", "one"); /* as before: it waits no more */
        cr_assert_eq(content_touch(c, "b"), 0);
        (void) content_look(c, false);
        expect_waiting(c, "a", 1);
        content_accept(c);
        expect_waiting(c, NULL, 0);
}

Test(watchd_content, changes) {
        _cleanup_(content_freep) Content *c = with_two_files();

        expect(look(c, "a", false), 0, 0, 0, 0);
        put("a", "one");
        expect(look(c, "a", false), 0, 0, 0, 0);
        put("a", "two");
        expect(look(c, "a", false), 1, 1, 0, 0);
        put("a", "one");
        expect(look(c, "a", false), 1, 0, 0, 0);
        cr_assert_eq(unlink("a"), 0);
        expect(look(c, "a", false), 1, 1, 1, 0);
        put("a", "");
        expect(look(c, "a", false), 1, 1, 1, 0);
        put("b", "two");
        content_touch_below(c, ".");
        expect(content_look(c, false), 1, 2, 1, 0);
        content_accept(c);
        expect(content_look(c, false), 0, 0, 0, 0);
        cr_expect_eq(content_size(c), 2);
}

Test(watchd_content, files_that_come_and_go_are_forgotten) {
        _cleanup_(content_freep) Content *c = with_two_files();

        put("c", "x");
        expect(look(c, "c", false), 1, 1, 0, 1);
        cr_expect_eq(content_size(c), 3);
        cr_expect_eq(content_touch(c, "d"), -E2BIG);
        cr_assert_eq(unlink("c"), 0);
        expect(look(c, "c", false), 1, 0, 0, 0);
        cr_expect_eq(content_size(c), 2);
        expect(look(c, "d", false), 0, 0, 0, 0); /* never was there */
        cr_expect_eq(content_size(c), 2);
        cr_assert_eq(unlink("b"), 0);
        expect(look(c, "b", false), 1, 1, 1, 0);
        content_accept(c);
        cr_expect_eq(content_size(c), 1);
}

Test(watchd_content, change_and_back_during_a_build) {
        _cleanup_(content_freep) Content *c = with_two_files();

        put("a", "two");
        expect(look(c, "a", true), 1, 1, 0, 0);
        put("a", "one");
        expect(look(c, "a", true), 1, 1, 0, 0);
        content_accept(c);
        /* The build that this calls for does not call for another in the same way. */
        put("a", "two");
        expect(look(c, "a", true), 1, 1, 0, 0);
        put("a", "one");
        expect(look(c, "a", true), 1, 0, 0, 0);
}

Test(watchd_content, only_files_count) {
        _cleanup_(content_freep) Content *c = with_two_files();

        cr_assert_eq(mkfifo("fifo", 0600), 0);
        expect(look(c, "fifo", false), 0, 0, 0, 0);
        cr_assert_eq(symlink("a", "link"), 0);
        expect(look(c, "link", false), 0, 0, 0, 0);
        expect(look(c, ".", false), 0, 0, 0, 0);
        cr_expect_eq(content_size(c), 2);
}

Test(watchd_content, large_files_by_size_and_time) {
        _cleanup_(content_freep) Content *c = with_two_files();
        struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

        put("big", "x");
        cr_assert_eq(truncate("big", CONTENT_HASH_MAX + 1), 0);
        cr_assert_eq(utimensat(AT_FDCWD, "big", times, 0), 0);
        expect(look(c, "big", false), 1, 1, 0, 1);
        content_accept(c);
        expect(look(c, "big", false), 0, 0, 0, 0);
        times[1].tv_nsec = 1;
        cr_assert_eq(utimensat(AT_FDCWD, "big", times, 0), 0);
        expect(look(c, "big", false), 1, 1, 0, 0);
}
