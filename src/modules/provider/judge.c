/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include "basic/macro.h"
#include "basic/string-util.h"

static Verdict judge_busy(uint64_t retry_after) {
        uint64_t cool = retry_after > 0 ? MIN(retry_after, JUDGE_COOL_MAX) : JUDGE_COOL_BUSY;

        return (Verdict) {
                .again = cool <= JUDGE_WAIT_MAX, .last_resort = true, .elsewhere = true, .cool = cool, .wait = cool,
                .status = 429,
        };
}

static Verdict judge_status(unsigned status, uint64_t retry_after, bool special) {
        switch (status) {
        case 429:
                return judge_busy(retry_after);
        case 401:
        case 402:
        case 403: /* the key is ours, not the client's: it did nothing wrong */
                return (Verdict) { .elsewhere = true, .cool = JUDGE_COOL_REFUSED, .status = 502 };
        case 404:
                return (Verdict) { .elsewhere = true, .cool = JUDGE_COOL_REFUSED, .status = 404 };
        case 408:
        case 504:
                return (Verdict) { .again = true, .elsewhere = true, .counts = true, .status = 504 };
        case 503:
        case 529: { /* Anthropic: overloaded */
                uint64_t wait = retry_after <= JUDGE_WAIT_MAX ? retry_after : 0;

                return (Verdict) {
                        .again = retry_after <= JUDGE_WAIT_MAX, .last_resort = retry_after > 0, .elsewhere = true,
                        .counts = true, .cool = MIN(retry_after, JUDGE_COOL_MAX), .wait = wait, .status = 503,
                };
        }
        default:
                if (status >= 500)
                        return (Verdict) { .again = true, .elsewhere = true, .counts = true, .status = 502 };
                if (status >= 400) /* the request's fault, unless it is an ability that is missing */
                        return (Verdict) { .elsewhere = special, .status = status };
                return (Verdict) { .elsewhere = true, .counts = true, .status = 502 };
        }
}

Verdict judge_failure(const char *error, unsigned status, uint64_t retry_after, bool special) {
        if (startswith(error, "http-"))
                return judge_status(status, retry_after, special);
        if (startswith(error, "timeout-")) /* to wait as long again helps nobody who waits */
                return (Verdict) { .elsewhere = true, .counts = true, .status = 504 };
        if (streq(error, "malformed"))
                return (Verdict) { .elsewhere = true, .counts = true, .status = 502 };
        if (streq(error, "unsupported"))
                return (Verdict) { .elsewhere = true, .status = 400 };
        /* connect, cut, error-event */
        return (Verdict) { .again = true, .elsewhere = true, .counts = true, .status = 502 };
}
