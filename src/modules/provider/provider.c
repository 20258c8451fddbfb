/* SPDX-License-Identifier: MIT */

/* Chooses a provider for each request and speaks its wire format; OpenAI's and Anthropic's towards clients. */

#include "host/module-abi.h"

TOOLOO_MODULE = {
        TOOLOO_MODULE_HEADER("provider", "0.1.0"),
};
