/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/verbs.h"

/* What the verbs about models take, for the table of verbs.c. */
extern const VerbOption provider_options[], key_options[], budget_options[], ledger_options[];
extern const VerbWord provider_words[], key_words[], ledger_words[];
