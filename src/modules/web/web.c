/* SPDX-License-Identifier: MIT */

/* What browsers and scripts talk to: sends each path to the service whose Routes= has its longest prefix, and keeps the
 * chat transcripts. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("web", "0.1.0"),
};
