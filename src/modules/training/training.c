/* SPDX-License-Identifier: MIT */

/* Training rounds: problems by domain, graded answers, and how well each domain is mastered. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("training", "0.1.0"),
};
