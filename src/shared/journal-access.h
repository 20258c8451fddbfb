/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* What of the journal this user may see. */

/* True when that goes for journald's notices of dropped messages. They stand in the system's journal, which is open to root and
 * to the groups systemd-journal, adm and wheel alone. */
bool journal_sees_notices(void);

/* True when journald writes where this user may not read: in memory (Storage=volatile) it keeps one journal for all. What it
 * has once written for this user on the disk may still be there, so that nothing but silence would tell. */
bool journal_is_hidden(void);
