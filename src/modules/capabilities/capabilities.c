/* SPDX-License-Identifier: MIT */

/* What the fleet can do: components found, probed by a real call, switched on and off. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("capabilities", "0.1.0"),
};
