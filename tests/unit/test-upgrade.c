/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../ctl/running-program.h"
#include "../../ctl/settle.h"
#include "../../ctl/upgrade-order.h"
#include "basic/file-util.h"
#include "basic/macro.h"
#include "shared/upgrade-hold.h"

static char directory[] = "/tmp/test-upgrade-XXXXXX";

static void set_up(void) {
        cr_assert(mkdtemp(directory));
        cr_assert_eq(chdir(directory), 0);
        cr_assert_eq(setenv("XDG_RUNTIME_DIR", directory, 1), 0);
}

static void tear_down(void) {
        for (const char *const *name = (const char *const[]) { "program", "new", "tooloo-upgrade.held", NULL }; *name; name++)
                (void) unlink(*name);
        (void) rmdir(directory);
}

TestSuite(upgrade, .init = set_up, .fini = tear_down);

static void put(const char *name, const char *content) {
        cr_assert_eq(write_file_atomic(name, content, strlen(content), 0600), 0);
}

/* --- In which order --- */

static Service service(const char *id, const char *category) {
        return (Service) { .id = (char *) id, .category = (char *) category };
}

Test(upgrade, what_least_hangs_on_is_first) {
        Service all[] = {
                service("web", "infrastructure"), service("training", "core"), service("metricsd", "control"),
                service("meta", "core"), service("orchestrator", "control"), service("mine", "extended"),
        };
        static const char *const order[] = { "training", "meta", "mine", "web", "orchestrator", "metricsd" };
        const Service *left[ELEMENTSOF(all)];
        size_t n = ELEMENTSOF(all);

        for (size_t i = 0; i < n; i++)
                left[i] = all + i;
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                const Service *first = upgrade_first(left, n);
                size_t k = 0;

                cr_assert_str_eq(first->id, order[i]);
                while (left[k] != first)
                        k++;
                memmove(left + k, left + k + 1, (--n - k) * sizeof(*left));
        }
        cr_expect_null(upgrade_first(left, 0));
}

/* --- What is half installed --- */

Test(upgrade, names_of_what_is_half_installed) {
        cr_expect(is_half_installed("tooloo-service.dpkg-new"));
        cr_expect(is_half_installed("tooloo-service;65a1b2c3"));
        cr_expect_not(is_half_installed("tooloo-service"));
        cr_expect_not(is_half_installed("tooloo-service.dpkg-old"));
        cr_expect_not(is_half_installed("a;b"));
        cr_expect_not(is_half_installed("a;65a1b2cx"));
        cr_expect_not(is_half_installed("a;"));
}

/* --- What is replaced --- */

Test(upgrade, content_decides_not_the_file) {
        _cleanup_(freep) char *running = NULL;
        int fd;

        put("program", "one");
        fd = open("program", O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_assert_geq(asprintf(&running, "/proc/self/fd/%d", fd), 0);
        cr_expect_not(file_is_replaced(running, "program"));
        put("program", "one");
        cr_expect_not(file_is_replaced(running, "program"), "the same again");
        put("program", "two");
        cr_expect(file_is_replaced(running, "program"));
        put("program", "longer");
        cr_expect(file_is_replaced(running, "program"));
        cr_assert_eq(unlink("program"), 0);
        cr_expect_not(file_is_replaced(running, "program"), "there is nothing to restart with");
        cr_expect_not(file_is_replaced("/proc/self/fd/nothing", "program"));
        (void) close(fd);
}

Test(upgrade, each_file_has_its_own_identity) {
        const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        _cleanup_(freep) char *none = NULL, *first = NULL, *same = NULL, *other = NULL, *touched = NULL;

        none = file_identity("program");
        cr_assert_str_eq(none, "");
        put("program", "one");
        first = file_identity("program");
        same = file_identity("program");
        cr_expect_str_eq(first, same);
        put("new", "one");
        cr_assert_eq(utimensat(AT_FDCWD, "new", old, 0), 0);
        cr_assert_eq(rename("new", "program"), 0);
        other = file_identity("program");
        cr_expect_str_neq(first, other);
        cr_assert_eq(utimensat(AT_FDCWD, "program", old, 0), 0);
        touched = file_identity("program");
        cr_expect_str_neq(other, touched, "an old time makes no older file");
}

/* --- What is held --- */

static const UpgradeHold held = {
        .service = (char *) "training", .invocation = (char *) "", .program = (char *) "/usr/lib/tooloo/tooloo-service",
        .identity = (char *) "1:2:3:4", .reason = (char *) "it is not healthy",
};

Test(upgrade, a_hold_is_read_as_written) {
        _cleanup_(upgrade_hold_done) UpgradeHold hold = {};

        cr_assert_eq(upgrade_hold_read(&hold), -ENOENT);
        cr_assert_eq(upgrade_hold_remove(), 0);
        cr_assert_eq(upgrade_hold_write(&held), 0);
        cr_assert_eq(upgrade_hold_read(&hold), 0);
        cr_expect_str_eq(hold.service, held.service);
        cr_expect_str_eq(hold.invocation, held.invocation);
        cr_expect_str_eq(hold.program, held.program);
        cr_expect_str_eq(hold.identity, held.identity);
        cr_expect_str_eq(hold.reason, held.reason);
        cr_assert_eq(upgrade_hold_remove(), 0);
        upgrade_hold_done(&hold);
        cr_expect_eq(upgrade_hold_read(&hold), -ENOENT);
}

Test(upgrade, half_a_hold_holds_nothing) {
        _cleanup_(upgrade_hold_done) UpgradeHold hold = {};

        put("tooloo-upgrade.held", "training\n\n/usr/lib");
        cr_expect_eq(upgrade_hold_read(&hold), -ENOENT);
}

Test(upgrade, a_healthy_run_that_is_new_ends_a_hold) {
        const UpgradeHold hold = { .invocation = (char *) "aa" };

        cr_expect(upgrade_hold_stands(&hold, "aa", true), "the run that was there before");
        cr_expect(upgrade_hold_stands(&hold, "bb", false));
        cr_expect_not(upgrade_hold_stands(&hold, "bb", true));
}
