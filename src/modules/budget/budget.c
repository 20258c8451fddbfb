/* SPDX-License-Identifier: MIT */

/* What providers may cost: limits, reservations before a call, settlement after it, and the cache of answers. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("budget", "0.1.0"),
};
