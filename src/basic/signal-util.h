/* SPDX-License-Identifier: MIT */
#pragma once

#include <signal.h>

#include "basic/macro.h"

/* Blocks the signals, of which 0 is the last, for sd-event reads only what is blocked. Ignores SIGPIPE: that somebody has
 * closed what is written to is no reason to die. */
static inline int block_signals(const int signals[]) {
        sigset_t set;

        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigemptyset(&set) < 0)
                return -errno;
        for (const int *s = signals; *s != 0; s++)
                if (sigaddset(&set, *s) < 0)
                        return -errno;
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}
