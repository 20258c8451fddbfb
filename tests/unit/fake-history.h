/* SPDX-License-Identifier: MIT */
#pragma once

#include "metricsd/history/history.h"

/* A history in memory that fails when it is told to: what the alert engine does on a full disk must be seen step by step. It
 * has documents and alerts, no more. */

History *fake_history_new(void);
History *fake_history_free(History *h);
/* From now on each write fails so, and changes nothing; 0 for success. */
void fake_history_fail(History *h, int error);
/* What was put, failures too. */
unsigned fake_history_writes(const History *h);
/* How many documents there are whose name begins so. */
unsigned fake_history_count(const History *h, const char *prefix);
