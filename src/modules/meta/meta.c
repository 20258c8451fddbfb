/* SPDX-License-Identifier: MIT */

/* Learning about the learning: trends and plateaus of the training figures, and what was tried against them. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("meta", "0.1.0"),
};
