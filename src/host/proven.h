/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "basic/macro.h"

/* Which content of the module file is known to run. Copies in the service's state directory:
 *
 *   candidate.so  what runs now but has not run for long enough to be trusted
 *   good.so       the last one that has
 *   bad.so        one that took the service down while it was a candidate, with bad.reason beside it
 *   replaced.so   the candidate before, while it is open whether the new one gets to serve
 *
 * The service writes all but the bad one; "tooloo-service --stopped", which systemd runs after every end of the
 * service, turns a candidate into that. So the next start knows what it must not load. */

/* Paths of the copies; NULL when the service has no state directory: nothing is remembered then, nor rolled back. */
typedef struct Proven {
        char *candidate, *good, *bad, *reason, *replaced;
} Proven;

/* What returns int below: 0, or negative errno when the state directory cannot be written to. */

/* directory NULL leaves all of it NULL. proven_done() frees the paths, not the struct. */
int proven_init(Proven *proven, const char *directory);
void proven_done(Proven *proven);

/* True when the file has the content of the bad one. *ret_reason (the caller frees) says what it did. */
bool proven_is_bad(const Proven *proven, const char *file, char **ret_reason);

/* True when the file has the content of the good one. */
bool proven_is_good(const Proven *proven, const char *file);

bool proven_has_good(const Proven *proven);

/* The file is about to run. While another one serves (replaces) proven_decide() has to follow; at a start of the
 * service what was a candidate before is forgotten, for it has ended without blame. */
int proven_begin(const Proven *proven, const char *file, bool replaces);

/* The file of the last proven_begin() serves now: what it replaced is good then, for it has served until its
 * successor came, unless the file is the good one that somebody went back to. Or it does not: what served before
 * goes on as it was, on trial or not. */
int proven_decide(const Proven *proven, bool serves);

/* The candidate has run for long enough. */
int proven_confirm(const Proven *proven);

/* The process ended as the arguments, systemd's $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS, say. 1 when the
 * candidate was to blame and is the bad one now, with the line written to *ret_reason (the caller frees); 0 when
 * not. */
int proven_judge_end(const Proven *proven, const char *result, const char *code, const char *status,
                     char **ret_reason);
