/* SPDX-License-Identifier: MIT */
#pragma once

#include <getopt.h>

#include "basic/string-util.h"
#include "shared/log.h"

/* The argument of an option that getopt_long() has just read, a number of milliseconds. 1, or -EINVAL after the error has
 * been said. */
static inline int parse_ms_option(const char *option, unsigned long min, unsigned long max, uint64_t *ret_usec) {
        unsigned long ms;

        if (parse_uint(optarg, min, max, &ms) < 0) {
                log_error("--%s=%s: a number of milliseconds in %lu..%lu is expected", option, optarg, min, max);
                return -EINVAL;
        }
        *ret_usec = ms * USEC_PER_MSEC;
        return 1;
}
