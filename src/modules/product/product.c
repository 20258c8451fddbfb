/* SPDX-License-Identifier: MIT */

/* Product workflows from templates, and the artifacts that they make. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("product", "0.1.0"),
};
