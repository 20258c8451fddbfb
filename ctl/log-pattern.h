/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"

/* What "logs --grep" looks for: a regular expression of PCRE2, as journalctl's, so that one means the same there. The library
 * is loaded when a pattern is compiled: linked, it would make every verb start later. */

typedef struct LogPattern LogPattern;

/* A pattern without a letter in upper case matches both. Says one line when it fails: -EINVAL when it is none, -EOPNOTSUPP
 * without the library. */
int log_pattern_new(const char *text, LogPattern **ret);
LogPattern *log_pattern_free(LogPattern *pattern);
TL_DEFINE_CLEANUP(LogPattern *, log_pattern_free)

/* False, too, where the pattern takes more steps than PCRE2 allows. */
bool log_pattern_matches(const LogPattern *pattern, const char *s, size_t size);
