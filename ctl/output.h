/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"

/* The exit status at the end of a program: status, or CTL_FAILED with a line when not all of stdout could be
 * written. That nobody reads it any more is no failure. */
int ctl_finish_stdout(const Ctl *ctl, int status);

/* True when whoever read stdout has gone. errno of a failed write does not say it: that may have been any of many. */
bool ctl_reader_gone(void);

/* One line on stderr; help is the command that says more. Returns CTL_USAGE. */
int ctl_usage(const char *help, const char *format, ...) _printf_(2, 3);
