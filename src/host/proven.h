/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "basic/macro.h"

/* Which content of the module file is known to run. Three copies in the service's state directory:
 *
 *   candidate.so  what runs now but has not run for long enough to be trusted
 *   good.so       the last one that has
 *   bad.so        one that took the service down while it was a candidate, with bad.reason beside it
 *
 * The service writes the first two; "tooloo-service --stopped", which systemd runs after every end of the service, turns
 * a candidate into the bad one. So the next start knows what it must not load. */

/* Paths of the copies; NULL when the service has no state directory: then nothing is remembered, and nothing rolled back. */
typedef struct Proven {
        char *candidate, *good, *bad, *reason;
} Proven;

/* directory NULL leaves all of it NULL. */
int proven_init(Proven *proven, const char *directory);
void proven_done(Proven *proven);

/* True when the file has the content of the bad one. *ret_reason (the caller frees) says what it did. */
bool proven_is_bad(const Proven *proven, const char *file, char **ret_reason);

/* True when the file has the content of the good one. */
bool proven_is_good(const Proven *proven, const char *file);

bool proven_has_good(const Proven *proven);

/* The file is what runs from here on. What ran until now is good if it was replaced while it served (replaced), and
 * forgotten if it ended or was never let in. */
int proven_begin(const Proven *proven, const char *file, bool replaced);

/* The candidate has run for long enough. */
int proven_confirm(const Proven *proven);

/* The process ended as the arguments, systemd's $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS, say. 1 when the candidate was
 * to blame and is the bad one now, with the line written to *ret_reason; 0 when not. */
int proven_judge_end(const Proven *proven, const char *result, const char *code, const char *status, char **ret_reason);
