/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/bus-util.h"

/* What a unit uses. systemd counts it for the whole cgroup of the unit; where it cannot (a container with mixed cgroup
 * versions, no accounting), the kernel's figures of the main process alone stand in. */

/* PSS counts shared pages in part, RSS whole. */
typedef enum MemorySource { MEMORY_NONE, MEMORY_CGROUP, MEMORY_PSS, MEMORY_RSS } MemorySource;
typedef enum CpuSource { CPU_NONE, CPU_CGROUP, CPU_PROCESS } CpuSource;

/* "cgroup", "pss", "rss"; "cgroup", "process"; NULL for none. */
const char *memory_source_to_string(MemorySource s);
const char *cpu_source_to_string(CpuSource s);

/* Start from UNIT_USAGE_INIT. */
typedef struct UnitUsage {
        uint64_t memory; /* bytes */
        uint64_t cpu;    /* nsec since the unit was started; with CPU_PROCESS since its main process was */
        MemorySource memory_source;
        CpuSource cpu_source;
} UnitUsage;

#define UNIT_USAGE_INIT { .memory = UINT64_MAX, .cpu = UINT64_MAX }

/* Asks systemd about the service at an object path. usage must outlive the batch. */
int bus_batch_unit_usage(BusBatch *b, const char *path, UnitUsage *usage);

/* To be called after that: sets the sources, and fills what systemd does not know from /proc. pid is the unit's main
 * process, 0 for none. A figure without a source is 0. */
void unit_usage_settle(UnitUsage *usage, uint32_t pid);

/* The two halves of it. Before: systemd's MemoryCurrent, CPUUsageNSec, of which UINT64_MAX is "not known". */
MemorySource unit_memory_settle(uint64_t *memory, uint32_t pid);
CpuSource unit_cpu_settle(uint64_t *cpu, uint32_t pid);

/* MemoryCurrent without the question, from the cgroup that the unit's main process is in. False, and memory left alone, where
 * the kernel counts none there. */
bool unit_memory_of_cgroup(uint64_t *memory, uint32_t pid);

/* Both, for many processes: of the cgroup, if *counted; where the kernel counts none for one it does for none, and *counted
 * becomes false. */
MemorySource unit_memory_read(uint64_t *memory, uint32_t pid, bool *counted);
