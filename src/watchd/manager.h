/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h"
#include "watchd/options.h"

/* Ties the parts together on one event loop: what changed, when to build, what came of it. */

typedef struct Manager Manager;

/* Enters the source directory and checks that it can be watched and built. options must outlive it. On failure one
 * line is logged and shown by systemd; -EUCLEAN, and -ENOSPC or -EMFILE for inotify's limits, call for a person,
 * not for another try. The caller frees. */
int manager_new(const Options *options, Manager **ret);
void manager_free(Manager *m);
TL_DEFINE_CLEANUP(Manager *, manager_free);

/* Runs until SIGTERM or SIGINT, or until watching is no longer possible. */
int manager_run(Manager *m);
