/* SPDX-License-Identifier: MIT */

/* Cuts conversations into segments by topic, and groups people by how they write. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("segmentation", "0.1.0"),
};
