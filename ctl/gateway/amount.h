/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What may be spent, as people write it. The texts are cut in place and point into what they were read from. */

typedef struct Amount {
        int64_t nano_usd;   /* 0: "none", the limit is taken away */
        const char *window; /* "minute", "day", "month" */
} Amount;

/* "5/day". -EINVAL when it is none, -ERANGE when it is less than a nano-dollar, finer than that, or more than a limit can be. */
int amount_parse(const char *text, Amount *ret);

/* What a limit is on. */
typedef struct LimitText {
        const char *scope;   /* "total", "key", "user", "provider" */
        const char *subject; /* "" for total */
        Amount amount;
} LimitText;

/* "total=100/month", "provider:NAME=5/day"; the same. */
int limit_parse(char *text, LimitText *ret);
