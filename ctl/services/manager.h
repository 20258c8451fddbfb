/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/ctl.h"

/* What the user's systemd does with unit files. Each says in a line what went wrong, and returns a negative errno then. */

/* Where this user's own unit files lie: ~/.config/systemd/user, unless the manager's environment says otherwise. */
int manager_unit_directory(sd_bus *bus, char **ret);

/* What [Install] says is done, or undone. */
int manager_enable(sd_bus *bus, char *const *units);
int manager_disable(sd_bus *bus, char *const *units);

/* Runs jobs of one kind for these units at once, those that are NULL left out; CTL_OK or CTL_FAILED. */
int manager_run(Ctl *ctl, UnitVerb verb, const char *const units[], size_t n);
