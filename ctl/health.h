/* SPDX-License-Identifier: MIT */
#pragma once

#include "service-status.h"

/* Asks metricsd for the health of all services within a batch, and never starts it. What it says goes into the services
 * of report that it names; health stays NULL for the others, and for all when metricsd does not run. report must outlive
 * the wait. A metricsd that does not answer in time, or answers nonsense, fails nothing: report says so. */
int health_ask(BusBatch *batch, StatusReport *report);
