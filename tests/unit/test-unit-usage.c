/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <sys/prctl.h>
#include <time.h>

#include "shared/unit-usage.h"

Test(unit_usage, systemd_knows) {
        UnitUsage u = { .memory = 4096, .cpu = 77 };

        unit_usage_settle(&u, (uint32_t) getpid());
        cr_expect(u.memory == 4096 && u.memory_source == MEMORY_CGROUP);
        cr_expect(u.cpu == 77 && u.cpu_source == CPU_CGROUP);
}

Test(unit_usage, nobody_knows) {
        UnitUsage none = UNIT_USAGE_INIT, gone = UNIT_USAGE_INIT;

        unit_usage_settle(&none, 0);
        unit_usage_settle(&gone, INT32_MAX); /* far beyond the most that pid_max can be */
        cr_expect(none.memory == 0 && none.memory_source == MEMORY_NONE && none.cpu == 0 && none.cpu_source == CPU_NONE);
        cr_expect(gone.memory == 0 && gone.memory_source == MEMORY_NONE && gone.cpu == 0 && gone.cpu_source == CPU_NONE);
        cr_expect_null(memory_source_to_string(none.memory_source));
        cr_expect_null(cpu_source_to_string(none.cpu_source));
}

static uint64_t process_cpu(void) {
        struct timespec ts;

        cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
        return (uint64_t) ts.tv_sec * NSEC_PER_USEC * USEC_PER_SEC + (uint64_t) ts.tv_nsec;
}

/* The kernel's own clock for this process is what the figure from /proc is compared with. */
Test(unit_usage, the_process_stands_in) {
        const uint64_t tick = NSEC_PER_USEC * USEC_PER_SEC / (uint64_t) sysconf(_SC_CLK_TCK);
        UnitUsage u = UNIT_USAGE_INIT;
        uint64_t before;

        /* A name that breaks whoever counts blanks. */
        cr_assert_eq(prctl(PR_SET_NAME, "a) S 1 2 (b"), 0);
        while (process_cpu() < 20 * tick)
                continue;
        before = process_cpu();
        unit_usage_settle(&u, (uint32_t) getpid());
        cr_expect_eq(u.cpu_source, CPU_PROCESS);
        cr_expect(u.cpu + 2 * tick >= before && u.cpu <= process_cpu() + 2 * tick, "%lu, %lu", u.cpu, before);
        cr_expect(u.memory_source == MEMORY_PSS || u.memory_source == MEMORY_RSS);
        cr_expect(u.memory > 64 * 1024 && u.memory < UINT64_C(8) << 30, "%lu", u.memory);
        cr_expect_str_eq(cpu_source_to_string(u.cpu_source), "process");
}
