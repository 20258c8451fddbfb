/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* When a delivery that failed is tried again. Pure: the clock and the dice come in. */

#define WEBHOOK_TRIES_MAX 5U
#define WEBHOOK_LIFETIME (UINT64_C(300) * USEC_PER_SEC)
#define WEBHOOK_RETRY_USEC USEC_PER_SEC

/* After status (0 for no answer) another try may end better. */
bool webhook_may_retry(unsigned status);

/* How long to wait after the given number of tries, the last of which failed just now: base, four times as long after
 * each further one, of which a half is left to random (any number); never less than what the receiver asked for. So
 * five tries from base = 1 s on span 43 to 85 s. False when there is to be none: five were made, or the wait would end
 * later than WEBHOOK_LIFETIME after the first, which was `age` ago. All in usec. */
bool webhook_retry_wait(unsigned tries, uint64_t base, uint64_t retry_after, uint64_t age, uint32_t random,
                        uint64_t *ret_wait);
