/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-journal.h>

/* sd_journal_process() for whoever follows the journal, with its results. journald counts an entry of a file a moment before
 * it can be found by its fields, and sd-journal looks into a file again only when that count has changed: who looks for a
 * match within that moment would not see the entry until there is another. So after news, anything but SD_JOURNAL_NOP, the
 * next sd_journal_next() searches anew from where it stands. When the entry there has gone, it stands at none. */
int journal_process(sd_journal *journal);
