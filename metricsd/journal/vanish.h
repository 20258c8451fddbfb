/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h"

/* Who vacuums the journal takes the content of its files away under whoever reads them: they read as zeroes, which sd-journal
 * finds out, or, on a file system that cannot punch holes, are cut to nothing, and then the next look at a mapped page is
 * SIGBUS. While a guard stands the second is made the first: a page of zeroes takes the place of what has gone.
 *
 * Only around calls of sd-journal: whatever else maps files must not go on with zeroes. Guards do not nest; one thread. */

/* Installs the handler of SIGBUS, for good. Outside of a guard the signal does what it always did. */
int vanish_init(void);

void vanish_guard(int *guard);
void vanish_unguard(int *guard);

/* From here to the end of the block. */
#define VANISH_GUARD() \
        _unused_ _cleanup_(vanish_unguard) int vanish_guarded; \
        vanish_guard(&vanish_guarded)
