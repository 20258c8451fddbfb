/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"
#include "journal.h"

/* Prints the journalctl command that shows what the query does, for a shell. An exit status; what went wrong was said. */
int log_command_print(const Ctl *ctl, const LogQuery *q);
