/* SPDX-License-Identifier: MIT */
#pragma once

#include "ledger-internal.h"
#include "window.h"

/* What limits are held by: sums for each scope that a call falls under, in each of the windows it was reserved in. */

typedef enum Scope {
        SCOPE_KEY, /* the most special first: of two limits that are in the way equally long it is told */
        SCOPE_USER,
        SCOPE_PROVIDER,
        SCOPE_TOTAL,
        _SCOPE_MAX,
} Scope;

const char *scope_to_string(Scope scope);
/* -EINVAL. */
int scope_from_string(const char *name);

/* Under whom a call falls; NULL for those that it has none of. */
typedef struct Payers {
        const char *subjects[_SCOPE_MAX];
        uint64_t begins[_WINDOW_MAX];
} Payers;

void payers_init(Payers *payers, uint64_t at, const char *key, const char *user, const char *provider);

/* -EDQUOT when a reservation of that amount has no room, see ledger_reserve(). */
int limits_ask(Ledger *l, const Payers *payers, int64_t amount, LedgerRefusal *ret_refusal);

/* -EOVERFLOW when what is added is more than sums may hold. */
int spent_room(Ledger *l, const Payers *payers, int64_t money);
int spent_add(Ledger *l, const Payers *payers, int64_t settled, int64_t reserved, int64_t calls);
