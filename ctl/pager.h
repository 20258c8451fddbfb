/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"

/* What is longer than the screen, through a pager, by systemctl's rules: where stdout is a terminal and --no-pager was not
 * given, $SYSTEMD_PAGER, else $PAGER, else less, else more; an empty one, or "cat", is none. less runs with $SYSTEMD_LESS
 * ("FRSXMK") and $SYSTEMD_LESSCHARSET. What is printed fits the terminal all the same (ctl/terminal.h). */

/* Begins it; from here on stdout leads there. Where it cannot be begun, there is none. */
void pager_open(const Ctl *ctl);

/* Ends stdout and waits until the person has read it; nothing without a pager. */
void pager_close(void);
