/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"

/* -EBADMSG when the open database is not whole, as far as can be seen in a moment. */
int damage_check(History *h);

/* Renames the closed database, and says so in one line. *ret_name is where it is now; the caller frees. */
int damage_set_aside(History *h, char **ret_name);

/* Copies into the open database what can be read of the documents and alerts in the other one. */
void damage_salvage(History *h, const char *name);
