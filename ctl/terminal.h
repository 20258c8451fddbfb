/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What stdout is, as systemd's own tools judge it. */

/* From here on it is this terminal that stdout leads to in the end: there is a pager between. */
void terminal_is(int fd);

/* $SYSTEMD_COLORS decides when it is set; else colours are for a terminal that takes them, unless $NO_COLOR is set. */
bool terminal_colors(void);

/* Of those, 256 and not only 16. */
bool terminal_colors_256(void);

/* Columns of the terminal: $COLUMNS, else what the terminal says, else 80. 0 when stdout is none: nothing is cut
 * then. */
size_t terminal_width(void);

/* Lines of the terminal: $LINES, else what the terminal says, else 24. 0 when stdout is none. */
size_t terminal_height(void);

/* True when the locale has more than ASCII. */
bool terminal_utf8(void);

#define ANSI_RED "\033[31m"
#define ANSI_GREEN "\033[32m"
#define ANSI_YELLOW "\033[33m"
#define ANSI_BOLD "\033[0;1;39m"
#define ANSI_BOLD_RED "\033[0;1;31m"
#define ANSI_BOLD_YELLOW "\033[0;1;33m"
#define ANSI_GREY "\033[0;38;5;245m"
#define ANSI_NORMAL "\033[0m"
