/* SPDX-License-Identifier: MIT */

/* Picks the next training rounds by itself: weak, stale and cheap topics first, inside a budget of its own. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("coach", "0.1.0"),
};
