/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "doctor.h"

/* Of a file system, for those who are not root. */
typedef struct DiskFacts {
        uint64_t size;
        uint64_t free;
        uint64_t inodes; /* 0 where they are not counted */
        uint64_t free_inodes;
} DiskFacts;

/* Below these (or, on a small one, below a twentieth of it) it is a warning; an error is what the next write meets. */
#define DISK_FREE_WARNING (UINT64_C(256) << 20)
#define DISK_FREE_ERROR (UINT64_C(1) << 20)
#define DISK_INODES_WARNING UINT64_C(1000)
#define DISK_INODES_ERROR UINT64_C(16)

/* Pure. */
Level disk_judge(const DiskFacts *facts);
