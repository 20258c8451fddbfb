/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "basic/macro.h"

/* Where an upgrade of the programs has come to a halt, for "toolooctl restart --changed" itself, for status and for metricsd's
 * alert: a small file in $XDG_RUNTIME_DIR, there for as long as it is held. */

typedef struct UpgradeHold {
        char *service;    /* id of the one that was not healthy with the new program, or was to be the first to get it */
        char *invocation; /* of that service's run at that time, in hex; "" for none */
        char *program;    /* path of the new program */
        char *identity;   /* file_identity() of it */
        char *reason;     /* one line: what is wrong, and what to do */
} UpgradeHold;

/* -ENOENT when nothing is held. The caller frees with upgrade_hold_done(), also after a failure. */
int upgrade_hold_read(UpgradeHold *ret);
int upgrade_hold_write(const UpgradeHold *hold);
/* 0 also when there was none. */
int upgrade_hold_remove(void);
void upgrade_hold_done(UpgradeHold *hold);

/* False once that service has been started anew and is healthy: it runs what lies on disk, whoever has mended it. */
bool upgrade_hold_stands(const UpgradeHold *hold, const char *invocation, bool healthy);

/* Which file lies at path now, as one word that no other file gets, and not this one once it was changed, whatever its
 * times say. NULL without memory; "" when there is none. The caller frees. */
char *file_identity(const char *path);

/* Of the unit's present or last run, in hex, as systemd keeps it in $XDG_RUNTIME_DIR; "" where it does not say. */
void unit_invocation(const char *unit, char ret[static 33]);
