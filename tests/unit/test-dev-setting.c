/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/dev-setting.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void remove_tree(const char *path) {
        cr_assert_eq(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

Test(dev_setting, format) {
        _cleanup_(freep) char *s = NULL;
        char *untouched = NULL;

        cr_assert_eq(dev_setting_format("/a b/100%\"\\", "/b", &s), 0);
        cr_expect(strstr(s, "\nEnvironment=\"TOOLOO_SOURCE=/a b/100%%\\\"\\\\\"\n"), "%s", s);
        cr_expect(strstr(s, "\nEnvironment=\"TOOLOO_BUILD=/b\"\n"), "%s", s);
        cr_expect_eq(dev_setting_format("/a\nExecStart=/bin/sh", "/b", &untouched), -EINVAL);
        cr_expect_null(untouched);
}

Test(dev_setting, find_tree_and_write) {
        char top[] = "/tmp/tooloo-dev-XXXXXX";
        const char marker[] = "project('tooloo', 'c')\n";
        _cleanup_(freep) char *sub = NULL, *file = NULL, *found = NULL, *path = NULL, *again = NULL, *content = NULL;

        cr_assert(mkdtemp(top));
        sub = str_printf("%s/src/modules", top);
        file = str_printf("%s/meson.build", top);
        cr_assert_eq(mkdir_parents(sub, 0755), 0);
        cr_assert_eq(chdir(sub), 0);
        cr_expect_eq(dev_find_tree(NULL, &found), -ENOENT);
        cr_assert_eq(write_file_atomic(file, marker, strlen(marker), 0644), 0);
        cr_expect_eq(dev_find_tree(sub, &found), -ENOENT, "a directory that is named is the top itself");
        cr_assert_eq(dev_find_tree(NULL, &found), 0);
        cr_expect_str_eq(found, top);

        cr_assert_eq(setenv("XDG_CONFIG_HOME", top, 1), 0);
        cr_expect_eq(dev_setting_write("one", &path), 1);
        cr_expect_eq(dev_setting_write("one", &again), 0);
        cr_expect_str_eq(path, again);
        cr_assert_eq(read_file(path, 100, &content, NULL), 0);
        cr_expect_str_eq(content, "one");
        remove_tree(top);
}
