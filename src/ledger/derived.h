/* SPDX-License-Identifier: MIT */
#pragma once

#include "ledger-internal.h"

/* Fill an empty table with what "spent" has to be, from the facts alone. */
int derived_fill_spent(Ledger *l);
/* The same for temp.expected, which it makes; the caller's savepoint takes that away. */
int derived_fill_expected(Ledger *l);
