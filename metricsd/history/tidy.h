/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"

/* Deletes a little of what is older than HISTORY_DAYS, as far in the future (a clock that was wrong), or too much. 1 when there
 * is more, 0 when that was all. */
int tidy_step(History *h, uint64_t now);
