/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* What a command waits for, for whoever watches it: one line on stderr, rewritten in place. Only on a terminal that can
 * do that, and only once the wait has taken longer than half a second: what is quick shows nothing. There is one wait at
 * a time. Nothing here fails: a line that cannot be shown is not worth an error. */

/* The wait begins. With quiet nothing is ever shown. */
void progress_begin(bool quiet);

/* When progress_show() is to be called next: monotonic usec, UINT64_MAX for never. */
uint64_t progress_due(void);

/* Shows the line, with the time since progress_begin() behind it; before progress_due() it does nothing. */
void progress_show(const char *format, ...) _printf_(1, 2);

/* Takes the line off the terminal, for other output. It comes back with the next progress_show(). */
void progress_clear(void);

/* The wait is over. */
void progress_end(void);
