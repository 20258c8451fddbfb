/* SPDX-License-Identifier: MIT */

/* Providers against each other: matches, votes, and a rating with its interval. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("cup", "0.1.0"),
};
