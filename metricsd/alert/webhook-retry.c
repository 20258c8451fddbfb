/* SPDX-License-Identifier: MIT */
#include "webhook-retry.h"

#define TOO_MANY_REQUESTS 429

bool webhook_may_retry(unsigned status) {
        return status == 0 || status == TOO_MANY_REQUESTS || status >= 500;
}

bool webhook_retry_wait(unsigned tries, uint64_t base, uint64_t retry_after, uint64_t age, uint32_t random,
                        uint64_t *ret_wait) {
        uint64_t wait = base;

        if (tries >= WEBHOOK_TRIES_MAX)
                return false;
        for (unsigned i = 1; i < tries; i++)
                wait *= 4;
        wait = wait / 2 + (wait / 2) * (random % 1001) / 1000;
        wait = MAX(wait, retry_after);
        if (age > WEBHOOK_LIFETIME || wait > WEBHOOK_LIFETIME - age)
                return false;
        *ret_wait = wait;
        return true;
}
