/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h"
#include "watchd/options.h"

/* Ties the parts together on one event loop: the source tree, the services, what changed in either. */

typedef struct Manager Manager;

/* options must outlive it. On failure one line is logged and shown by systemd; -EUCLEAN, and -ENOSPC or -EMFILE for inotify's
 * limits, call for a person, not for another try. The caller frees. */
int manager_new(const Options *options, Manager **ret);
void manager_free(Manager *m);
TL_DEFINE_CLEANUP(Manager *, manager_free);

/* Runs until SIGTERM or SIGINT, or until nothing can be watched any longer: errors as above. */
int manager_run(Manager *m);
