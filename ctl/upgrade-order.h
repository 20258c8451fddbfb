/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/registry.h"

/* In which order services get a new program: what least hangs on comes first, for the first is the one that finds out that a
 * program is bad. So web, which every request of port 3000 passes, comes after all that it sends them to; then the control
 * plane; and last metricsd, which judges the others. Pure. */

/* Of two services, the lower rank is first; of the same rank, the one that comes first in the registry. */
unsigned upgrade_rank(const Service *s);

/* The one that is first; NULL for none. */
const Service *upgrade_first(const Service *const *services, size_t n);
