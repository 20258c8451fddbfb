/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"

/* Which tooloo-ID units lie in systemd's unit directories. ListUnitFiles would say it too, but works out for every
 * one of them whether it is enabled, which takes longer than all the rest of the registry together; and it does not
 * say what a mask hides. */

typedef struct ScanEntry {
        char *id; /* what of the name would be the id, whether or not it is a valid one */
        bool has_service;
        bool has_socket;
        char *service_path; /* the first that is not a mask; NULL when there is none */
        char *socket_path;
} ScanEntry;

typedef struct Scan {
        ScanEntry *entries;
        size_t n_entries;
} Scan;

/* directories: in falling priority, as the manager's UnitPath has them; NULL-ended. Directories that are missing or
 * not readable are skipped, as systemd does. */
int scan_unit_directories(char *const *directories, Scan *ret);
void scan_done(Scan *scan);
