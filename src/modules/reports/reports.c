/* SPDX-License-Identifier: MIT */

/* Figures over all providers, computed from the ledger: leaderboard, trends, comparisons. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("reports", "0.1.0"),
};
