/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* What is being waited for, on a terminal alone: one line on stderr that is overwritten and is gone at the end. Nothing is
 * shown within the first half of a second. */
typedef struct Progress {
        uint64_t begun; /* monotonic usec; 0 where nothing is to be shown */
        bool shown;
} Progress;

void progress_begin(Progress *p, bool quiet);
void progress_say(Progress *p, const char *format, ...) _printf_(2, 3);
void progress_end(Progress *p);
