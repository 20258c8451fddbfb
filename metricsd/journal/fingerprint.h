/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "line.h"

/* Two lines are about the same thing when they have the same MESSAGE_ID=, the same CODE_FUNC= and the same message, but for
 * what message_mask() takes out of it. */

/* Room for a masked message of the longest line. */
typedef char FingerprintText[JOURNAL_MESSAGE_MAX + 1];

/* Masks line's message into ret_masked, and makes one number of all three. The number stands in the database: the same line
 * has to give the same one for good. */
uint64_t journal_fingerprint(const JournalLine *line, FingerprintText ret_masked);
