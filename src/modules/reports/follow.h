/* SPDX-License-Identifier: MIT */
#pragma once

/* Keeps a tally up to date with the ledger. Each request is read once when it is new; those that were still running then are
 * looked at again. All of it in steps, so that a long ledger keeps no other request waiting: the first step after a start
 * begins with the ledger's first row. */

#include "ledger/ledger.h"
#include "tally.h"

typedef struct Follow Follow;

/* A call that has not ended within this is not waited for any more, and never counts: the process was killed, and nobody
 * has let its reservation expire since. */
#define OPEN_USEC DAY_USEC

int follow_new(Follow **ret);
Follow *follow_free(Follow *f);
TL_DEFINE_CLEANUP(Follow *, follow_free)

/* Reads on for about that long. 1 when all was read that was there at the time, 0 when there is more. -ENOENT: there is no
 * ledger yet (the tally is empty then); anything else: it cannot be read. */
int follow_step(Follow *f, uint64_t budget_usec);
/* The next follow_step() begins anew with what has become of the requests that were running. */
void follow_again(Follow *f);

/* Opens the ledger, or looks whether it is still the same one, and reads nothing. Errors as above. */
int follow_open(Follow *f);

const Tally *follow_tally(const Follow *f);
/* NULL as long as there is none. */
Ledger *follow_ledger(Follow *f);
