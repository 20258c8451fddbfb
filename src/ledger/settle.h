/* SPDX-License-Identifier: MIT */
#pragma once

#include "ledger-internal.h"

/* Ends an attempt that is reserved, at no cost, since the process that made it is gone. */
int attempt_interrupt(Ledger *l, int64_t request, unsigned n, uint64_t total);
