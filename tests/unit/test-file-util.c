/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

static char top[] = "/tmp/tooloo-file-XXXXXX";

static void set_up(void) {
        cr_assert(mkdtemp(top));
        cr_assert_eq(chdir(top), 0);
        (void) umask(022);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void tear_down(void) {
        (void) nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(file_util, .init = set_up, .fini = tear_down);

static void expect_content(const char *path, const char *content) {
        _cleanup_(freep) char *data = NULL;
        size_t size;

        cr_assert_eq(read_file(path, SIZE_MAX, &data, &size), 0, "%s", path);
        cr_expect_eq(size, strlen(content));
        cr_expect_str_eq(data, content);
}

static unsigned count_entries(const char *path) {
        DIR *directory = opendir(path);
        struct dirent *entry;
        unsigned n = 0;

        cr_assert(directory);
        while ((entry = readdir(directory)))
                n += !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
        (void) closedir(directory);
        return n;
}

Test(file_util, read_limits) {
        char block[10000], *untouched = block;
        size_t size = 1;

        memset(block, 'x', sizeof(block));
        cr_assert_eq(write_file_atomic("file", block, sizeof(block), 0600), 0);
        cr_expect_eq(read_file("file", sizeof(block) - 1, &untouched, &size), -EFBIG);
        cr_expect_eq(untouched, block);
        cr_expect_eq(size, 1);
        cr_expect_eq(read_file("none", 1, &untouched, NULL), -ENOENT);
        cr_expect_eq(read_file(".", 1, &untouched, NULL), -EISDIR);
        cr_assert_eq(read_file("file", sizeof(block), &untouched, &size), 0);
        cr_expect_eq(size, sizeof(block));
        cr_expect_arr_eq(untouched, block, sizeof(block));
        cr_expect_eq(untouched[size], '\0');
        free(untouched);
}

/* Each power of two is a size at which the buffer grows. */
Test(file_util, read_sizes) {
        for (size_t n = 0; n <= 20000; n = n < 4095 ? n + 819 : n + 1365) {
                _cleanup_(freep) char *data = NULL, *block = malloc(n + 1);
                size_t size;

                cr_assert(block);
                memset(block, 'y', n);
                cr_assert_eq(write_file_atomic("file", block, n, 0600), 0);
                cr_assert_eq(read_file("file", n, &data, &size), 0);
                cr_expect_eq(size, n);
                cr_expect_eq(memcmp(data, block, n), 0);
        }
}

Test(file_util, write_atomic) {
        struct stat st;

        cr_assert_eq(write_file_atomic("file", "old", 3, 0640), 0);
        cr_assert_eq(stat("file", &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0640);
        cr_assert_eq(write_file_atomic("file", "new one", 7, 0600), 0);
        expect_content("file", "new one");
        cr_expect_eq(write_file_atomic("none/file", "x", 1, 0600), -ENOENT);
        cr_assert_eq(mkdir("directory", 0700), 0);
        cr_expect_eq(write_file_atomic("directory", "x", 1, 0600), -EISDIR);
        cr_expect_eq(count_entries("."), 2, "a temporary file was left");
}

Test(file_util, copy_atomic) {
        cr_assert_eq(write_file_atomic("from", "content", 7, 0600), 0);
        cr_assert_eq(mkdir("staging", 0700), 0);
        cr_assert_eq(copy_file_atomic("from", "to", "staging", 0755), 0);
        expect_content("to", "content");
        cr_expect_eq(count_entries("staging"), 0);
        cr_expect_eq(copy_file_atomic("none", "to", NULL, 0755), -ENOENT);
        cr_expect_eq(copy_file_atomic("from", "to", "nowhere", 0755), -ENOENT);
        cr_expect_eq(copy_file_atomic("staging", "to", NULL, 0755), -EISDIR);
        expect_content("to", "content");
        cr_expect_eq(count_entries("."), 3, "a temporary file was left");
}

Test(file_util, copy_new) {
        cr_assert_eq(write_file_atomic("from", "content", 7, 0600), 0);
        cr_assert_eq(copy_file_new("from", "to", 0700), 0);
        expect_content("to", "content");
        cr_expect_eq(copy_file_new("from", "to", 0700), -EEXIST);
        cr_expect_eq(copy_file_new("none", "other", 0700), -ENOENT);
        cr_expect_eq(copy_file_new(".", "other", 0700), -EISDIR);
        cr_expect_eq(access("other", F_OK), -1, "a failed copy was left");
}

Test(file_util, copy_to_a_full_disk) {
        _cleanup_(closep) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

        cr_assert_geq(full, 0);
        cr_expect_eq(write_all(full, "x", 1), -ENOSPC);
}

Test(file_util, equal) {
        char a[20000] = "", b[20000] = "";

        cr_assert_eq(write_file_atomic("a", a, sizeof(a), 0600), 0);
        cr_assert_eq(write_file_atomic("b", b, sizeof(b), 0600), 0);
        cr_expect_eq(files_equal("a", "b"), 1);
        cr_expect_eq(files_equal("a", "a"), 1);
        b[sizeof(b) - 1] = 1;
        cr_assert_eq(write_file_atomic("b", b, sizeof(b), 0600), 0);
        cr_expect_eq(files_equal("a", "b"), 0);
        cr_assert_eq(write_file_atomic("b", b, sizeof(b) - 1, 0600), 0);
        cr_expect_eq(files_equal("a", "b"), 0);
        cr_expect_eq(files_equal("a", "none"), -ENOENT);
        cr_expect_eq(files_equal("none", "a"), -ENOENT);
        cr_assert_eq(write_file_atomic("a", "", 0, 0600), 0);
        cr_assert_eq(write_file_atomic("b", "", 0, 0600), 0);
        cr_expect_eq(files_equal("a", "b"), 1);
}

Test(file_util, mkdir_parents) {
        _cleanup_(freep) char *absolute = str_printf("%s/x/y", top);
        struct stat st;

        cr_assert(absolute);
        cr_expect_eq(mkdir_parents("a/b/c", 0700), 0);
        cr_expect_eq(mkdir_parents("a/b/c", 0700), 0);
        cr_expect_eq(mkdir_parents("a//d/", 0700), 0);
        cr_expect_eq(mkdir_parents(absolute, 0700), 0);
        cr_expect_eq(mkdir_parents("/", 0700), 0);
        cr_expect_eq(stat("a/d", &st), 0);
        cr_expect_eq(stat("x/y", &st), 0);
        cr_expect_eq(mkdir_parents("", 0700), -ENOENT);
        cr_assert_eq(write_file_atomic("file", "", 0, 0600), 0);
        cr_expect_eq(mkdir_parents("file", 0700), -ENOTDIR);
        cr_expect_eq(mkdir_parents("file/below", 0700), -ENOTDIR);
}
