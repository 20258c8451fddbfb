/* SPDX-License-Identifier: MIT */
#include "shared/unit-usage.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

static const BusProperty properties[] = {
        { SYSTEMD_SERVICE, "MemoryCurrent", "t", offsetof(UnitUsage, memory) },
        { SYSTEMD_SERVICE, "CPUUsageNSec", "t", offsetof(UnitUsage, cpu) },
};

const char *memory_source_to_string(MemorySource s) {
        static const char *const names[] = { [MEMORY_CGROUP] = "cgroup", [MEMORY_PSS] = "pss", [MEMORY_RSS] = "rss" };

        return names[s];
}

const char *cpu_source_to_string(CpuSource s) {
        static const char *const names[] = { [CPU_CGROUP] = "cgroup", [CPU_PROCESS] = "process" };

        return names[s];
}

int bus_batch_unit_usage(BusBatch *b, const char *path, UnitUsage *usage) {
        return bus_batch_unit_properties(b, path, properties, ELEMENTSOF(properties), usage);
}

/* The caller frees; NULL when the process has ended, or belongs to somebody else. */
static char *read_process(uint32_t pid, const char *name) {
        char path[64], *data;

        (void) snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
        return read_file(path, 16 * 1024, &data, NULL) < 0 ? NULL : data;
}

/* "Pss:        1234 kB" */
static bool read_pss(uint32_t pid, uint64_t *ret) {
        _cleanup_(freep) char *data = read_process(pid, "smaps_rollup");
        const char *line = data ? strstr(data, "\nPss:") : NULL;
        uint64_t kib;

        if (!line || sscanf(line, " Pss: %" SCNu64 " kB", &kib) != 1)
                return false;
        *ret = kib * 1024;
        return true;
}

static bool read_rss(uint32_t pid, uint64_t *ret) {
        _cleanup_(freep) char *data = read_process(pid, "statm");
        uint64_t pages;

        if (!data || sscanf(data, "%*u %" SCNu64, &pages) != 1)
                return false;
        *ret = pages * (uint64_t) sysconf(_SC_PAGESIZE);
        return true;
}

/* proc(5): utime and stime are fields 14 and 15, in clock ticks. Field 2 is the process's name in parentheses, which may
 * have blanks and parentheses of its own; so counting begins behind the last one. */
static bool read_cpu(uint32_t pid, uint64_t *ret) {
        _cleanup_(freep) char *data = read_process(pid, "stat");
        const char *rest = data ? strrchr(data, ')') : NULL;
        uint64_t user, kernel;

        if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user, &kernel) != 2)
                return false;
        *ret = (user + kernel) * (NSEC_PER_USEC * USEC_PER_SEC / (uint64_t) sysconf(_SC_CLK_TCK));
        return true;
}

/* The line of the unified hierarchy is "0::/user.slice/..."; see cgroups(7). */
bool unit_memory_of_cgroup(uint64_t *memory, uint32_t pid) {
        _cleanup_(freep) char *groups = pid > 0 ? read_process(pid, "cgroup") : NULL, *path = NULL, *data = NULL;
        const char *line = groups ? strstr(groups, "0::/") : NULL;

        if (!line || (line > groups && line[-1] != '\n'))
                return pid == 0;
        line += strlen("0::");
        path = str_printf("/sys/fs/cgroup%.*s/memory.current", (int) strcspn(line, "\n"), line);
        return path && read_file(path, 64, &data, NULL) >= 0 && sscanf(data, "%" SCNu64, memory) == 1;
}

MemorySource unit_memory_settle(uint64_t *memory, uint32_t pid) {
        if (*memory != UINT64_MAX)
                return MEMORY_CGROUP;
        if (pid > 0 && read_pss(pid, memory))
                return MEMORY_PSS;
        if (pid > 0 && read_rss(pid, memory))
                return MEMORY_RSS;
        *memory = 0;
        return MEMORY_NONE;
}

MemorySource unit_memory_read(uint64_t *memory, uint32_t pid, bool *counted) {
        *counted = *counted && unit_memory_of_cgroup(memory, pid);
        return unit_memory_settle(memory, pid);
}

CpuSource unit_cpu_settle(uint64_t *cpu, uint32_t pid) {
        if (*cpu != UINT64_MAX)
                return CPU_CGROUP;
        if (pid > 0 && read_cpu(pid, cpu))
                return CPU_PROCESS;
        *cpu = 0;
        return CPU_NONE;
}

void unit_usage_settle(UnitUsage *u, uint32_t pid) {
        u->memory_source = unit_memory_settle(&u->memory, pid);
        u->cpu_source = unit_cpu_settle(&u->cpu, pid);
}
