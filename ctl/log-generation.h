/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"
#include "journal.h"

/* Sets from and until of the source to those of the generation that --generation= names: "current", "previous", or its number
 * since the last start, as 'toolooctl status' shows it. A generation lasts from the entry that says it serves to that of the
 * next one; the first one of a run from where systemd starts it. What is not a module has one a run. An exit status; what went
 * wrong was said. */
int log_generation_find(const Ctl *ctl, LogSource *s);
