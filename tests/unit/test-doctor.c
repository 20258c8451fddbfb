/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>

#include "../../ctl/doctor/clock.h"
#include "../../ctl/doctor/confined.h"
#include "../../ctl/doctor/disk.h"
#include "../../ctl/doctor/modules.h"
#include "shared/strv.h"

#define NOW (UINT64_C(1780000000) * USEC_PER_SEC)
#define DAY (24 * 3600 * USEC_PER_SEC)
#define MINUTE (60 * USEC_PER_SEC)

Test(doctor, clock) {
        static const struct {
                ClockFacts facts;
                ClockFault fault;
        } cases[] = {
                { { NOW, NOW, NOW, true }, CLOCK_SOUND },
                { { NOW, 0, 0, true }, CLOCK_SOUND },
                { { NOW, 0, 0, false }, CLOCK_FREE },
                { { NOW, NOW + DAY, NOW, true }, CLOCK_SOUND },
                { { NOW, NOW + DAY + 1, NOW, true }, CLOCK_BEFORE_BUILD },
                { { NOW, NOW, NOW + MINUTE, true }, CLOCK_SOUND },
                { { NOW, NOW, NOW + MINUTE + 1, true }, CLOCK_BEHIND_JOURNAL },
                { { NOW, NOW, NOW + MINUTE + 1, false }, CLOCK_BEHIND_JOURNAL },
                { { NOW, NOW + 2 * DAY, NOW + MINUTE + 1, false }, CLOCK_BEFORE_BUILD },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(clock_judge(&cases[i].facts), cases[i].fault, "case %zu", i);
}

#define MIB(n) ((uint64_t) (n) << 20)

Test(doctor, disk) {
        static const struct {
                DiskFacts facts;
                Level level;
        } cases[] = {
                { { MIB(100000), MIB(256), 0, 0 }, LEVEL_OK },
                { { MIB(100000), MIB(256) - 1, 0, 0 }, LEVEL_WARNING },
                { { MIB(100000), MIB(1), 0, 0 }, LEVEL_WARNING },
                { { MIB(100000), MIB(1) - 1, 0, 0 }, LEVEL_ERROR },
                { { MIB(100000), 0, 0, 0 }, LEVEL_ERROR },
                /* A small one: a twentieth of it. */
                { { MIB(100), MIB(5), 0, 0 }, LEVEL_OK },
                { { MIB(100), MIB(5) - 1, 0, 0 }, LEVEL_WARNING },
                { { MIB(100000), MIB(5000), 1000000, 1000 }, LEVEL_OK },
                { { MIB(100000), MIB(5000), 1000000, 999 }, LEVEL_WARNING },
                { { MIB(100000), MIB(5000), 1000000, 16 }, LEVEL_WARNING },
                { { MIB(100000), MIB(5000), 1000000, 15 }, LEVEL_ERROR },
                { { MIB(100000), MIB(5000), 2000, 100 }, LEVEL_OK },
                { { MIB(100000), MIB(5000), 2000, 99 }, LEVEL_WARNING },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(disk_judge(&cases[i].facts), cases[i].level, "case %zu", i);
}

static const char mounts[] =
        "10 1 0:95 / / ro,nosuid,relatime shared:687 - overlay overlay rw\n"
        "11 10 0:99 / /tmp rw,nosuid shared:688 - tmpfs tmpfs rw\n"
        "12 10 0:99 / /home rw - ext4 /dev/vda rw\n"
        "13 12 0:99 / /home/me/state rw - ext4 /dev/vda rw\n"
        "this line is none\n"
        "14 12 0:99 / /home ro - ext4 /dev/vda rw\n"
        "15 11 0:99 /systemd-private-4447-tooloo-cup.service-DA/tmp /tmp rw,nosuid - tmpfs tmpfs rw\n"
        "16 10 0:99 / /home-brew rw - ext4 /dev/vda rw\n";

Test(doctor, mount_table) {
        cr_expect(mountinfo_read_only(mounts, "/"));
        cr_expect(mountinfo_read_only(mounts, "/usr/lib"));
        cr_expect(mountinfo_read_only(mounts, "/home"), "what is mounted last lies on top");
        cr_expect(mountinfo_read_only(mounts, "/home/you"));
        cr_expect_not(mountinfo_read_only(mounts, "/home/me/state/x"));
        cr_expect(mountinfo_read_only(mounts, "/home/me/statement"));
        cr_expect_not(mountinfo_read_only(mounts, "/home-brew"));
        cr_expect_not(mountinfo_read_only(mounts, "/tmp"));
        cr_expect_not(mountinfo_read_only("", "/"));
}

static const Promised all = { true, true, true, true, "strict", "read-only" };

static char *missing(const Promised *promised, const Observed *observed) {
        _cleanup_(strv_freep) char **l = NULL;

        cr_assert_geq(confined_missing(promised, observed, &l), 0);
        return strv_join(l, " ");
}

#define STATUS(privs, mode, filters) "Name:\tx\nNoNewPrivs:\t" privs "\nSeccomp:\t" mode "\nSeccomp_filters:\t" filters "\n"

Test(doctor, sandbox) {
        static const char bare[] = "10 1 0:95 / / rw - ext4 /dev/vda rw\n";
        static const struct {
                Observed observed;
                const char *missing;
        } cases[] = {
                { { STATUS("1", "2", "25"), 5, mounts, true, true }, "" },
                { { STATUS("0", "2", "25"), 5, mounts, true, true }, "NoNewPrivileges=" },
                { { STATUS("1", "2", "5"), 5, mounts, true, true }, "SystemCallFilter=" },
                { { STATUS("1", "0", "0"), 0, mounts, true, true }, "SystemCallFilter=" },
                { { "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\n", 0, mounts, true, true }, "" },
                { { "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t0\n", 0, mounts, true, true }, "SystemCallFilter=" },
                { { STATUS("1", "2", "25"), 5, mounts, false, true }, "PrivateUsers=" },
                { { STATUS("1", "2", "25"), 5, bare, true, true }, "ProtectSystem= ProtectHome= PrivateTmp=" },
                /* What cannot be seen is nobody's fault. */
                { { "Name:\tx\n", 0, NULL, false, false }, "" },
        };
        static const Promised nothing = {}, as_words = { .protect_system = "no", .protect_home = "no" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *said = missing(&all, &cases[i].observed);

                cr_expect_str_eq(said, cases[i].missing, "case %zu: %s", i, said);
        }
        for (const Promised *p = &nothing; p; p = p == &nothing ? &as_words : NULL) {
                _cleanup_(freep) char *said = missing(p, &(Observed) { STATUS("0", "0", "0"), 0, bare, false, true });

                cr_expect_str_eq(said, "");
        }
}

#define EXITED(n) ((n) << 8)

Test(doctor, trial) {
        static const struct {
                const char *output;
                int status;
                const char *complaint;
        } cases[] = {
                { "@loading\n@init\n@fini\n", EXITED(0), NULL },
                { "chatter\n", EXITED(0), NULL },
                { "@loading\nit is no module\n", EXITED(1), "it is no module" },
                { "@loading\nchatter\n@init\nno room", EXITED(1), "no room" },
                { "@loading\nchatter\n@init\n", EXITED(1), "it fails in init" },
                { "", EXITED(1), "it fails in loading" },
                { "@loading\n@init\nchatter\n", SIGSEGV, "it crashes in init (SIGSEGV)" },
                { "@", EXITED(1), "it fails in " },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int error;
                _cleanup_(freep) char *said = module_complaint(cases[i].output, cases[i].status, &error);

                cr_expect_eq(error, 0);
                cr_expect_eq(!said, !cases[i].complaint, "case %zu: %s", i, strna(said));
                if (said && cases[i].complaint)
                        cr_expect_str_eq(said, cases[i].complaint);
        }
}

Test(doctor, loaded_copy) {
        static const char maps[] =
                "7f00-7f01 r--p 00000000 00:5a 54                 /run/user/0/tooloo-cup/cup-108-9.so\n"
                "7f00-7f01 r--p 00000000 00:5a 54                 /run/user/0/tooloo-cup/cup-108-10.so\n"
                "7f00-7f01 r-xp 00000000 00:5a 54                 /run/user/0/tooloo-cup/cup-108-10.so\n"
                "7f00-7f01 r--p 00000000 00:5a 54                 /run/user/0/tooloo-cup/cup-108-11.so (deleted)\n"
                "7f00-7f01 r--p 00000000 00:5a 54                 /run/user/0/tooloo-cup/cup-1080-12.so\n"
                "7f00-7f01 r--p 00000000 00:5a 54                 /usr/lib/libc.so.6\n"
                "7ffd-7ffe rw-p 00000000 00:00 0                  [stack]\n";
        _cleanup_(freep) char *copy = module_copy_in_maps(maps, "cup", 108), *none = module_copy_in_maps(maps, "web", 108);

        cr_assert_not_null(copy);
        cr_expect_str_eq(copy, "/run/user/0/tooloo-cup/cup-108-10.so");
        cr_expect_null(none);
}
