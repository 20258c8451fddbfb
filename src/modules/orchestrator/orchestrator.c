/* SPDX-License-Identifier: MIT */

/* Control over HTTP of what toolooctl controls from the shell: the list of services with their state, start, stop, restart
 * and reload of each, its journal, and a reload of all of them. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("orchestrator", "0.1.0"),
};
