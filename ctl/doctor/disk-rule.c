/* SPDX-License-Identifier: MIT */
#include "disk.h"

Level disk_judge(const DiskFacts *facts) {
        bool counts_inodes = facts->inodes > 0; /* btrfs has no fixed number of them */

        if (facts->free < DISK_FREE_ERROR || (counts_inodes && facts->free_inodes < DISK_INODES_ERROR))
                return LEVEL_ERROR;
        if (facts->free < MIN(DISK_FREE_WARNING, facts->size / 20) ||
            (counts_inodes && facts->free_inodes < MIN(DISK_INODES_WARNING, facts->inodes / 20)))
                return LEVEL_WARNING;
        return LEVEL_OK;
}
