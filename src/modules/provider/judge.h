/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What follows from a failed attempt: for the model that was asked, for the call, and for the client if nothing better
 * comes. */

#define JUDGE_COOL_BUSY (UINT64_C(2) * 1000 * 1000)     /* too many calls, and no word of when they would do */
#define JUDGE_COOL_MAX (UINT64_C(600) * 1000 * 1000)
#define JUDGE_COOL_REFUSED (UINT64_C(30) * 1000 * 1000) /* a wrong key, no such model: until somebody mends it */
#define JUDGE_WAIT_MAX (UINT64_C(5) * 1000 * 1000)      /* a longer Retry-After is not waited for */

typedef struct Verdict {
        bool again;     /* the same may be asked once more, after a moment */
        bool last_resort; /* but only where nobody else can be asked */
        bool elsewhere; /* others may be asked */
        bool counts;    /* against the model; else `cool`, or nothing */
        uint64_t cool;  /* usec for which the model is left alone */
        uint64_t wait;  /* usec before `again`, at least */
        unsigned status; /* for the client */
} Verdict;

/* error: a word of schema.h's list; status: the provider's answer, with "http-STATUS". retry_after: usec, 0 for no word
 * of it. special: the request asks for abilities, which a provider may not have though it is configured so. */
Verdict judge_failure(const char *error, unsigned status, uint64_t retry_after, bool special);
