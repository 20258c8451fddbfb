/* SPDX-License-Identifier: MIT */
#pragma once

#include "doctor.h"

/* What several checks mend with. *ret_why is set on failure: why, in one sentence; it may stay NULL. */

/* systemd reads all unit files again. */
int repair_daemon_reload(Doctor *d, char **ret_why);

/* One job for one unit, waited for. */
int repair_job(Doctor *d, UnitVerb verb, const char *unit, char **ret_why);
