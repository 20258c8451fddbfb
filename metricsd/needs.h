/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "shared/registry.h"

/* Does the service `from` need the service `to`, itself or by way of others? Not so without memory. */
bool needs_reach(const Registry *registry, const char *from, const char *to);
