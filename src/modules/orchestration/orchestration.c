/* SPDX-License-Identifier: MIT */

/* Intents, workflows of dependent steps, and tasks on a schedule. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("orchestration", "0.1.0"),
};
