/* SPDX-License-Identifier: MIT */

/* Engagement of users: scores with their formula, trends and badges. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("analytics", "0.1.0"),
};
