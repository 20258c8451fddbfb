/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "ctl.h"

/* The live view of "toolooctl dev": what changed, what was built, what went live in how many ms, what went wrong and where. It
 * follows the journal, in which tooloo-watchd and the services say so in lines with TOOLOO_EVENT=. */

typedef struct DevView DevView;

/* True when watchd follows the service by its own Watch=, for it is no module of the fleet's source tree. */
static inline bool dev_is_own(const Service *s) {
        return s->settings.watch && s->settings.watch[0][0] == '/';
}

/* Begins to listen: what is logged from here on is seen. Services are the selected ones; of those that watchd follows by their
 * Watch=, all output is shown. -ENODATA when there is no journal that this user may read. */
int dev_view_new(const Ctl *ctl, DevView **ret);
DevView *dev_view_free(DevView *v);
TL_DEFINE_CLEANUP(DevView *, dev_view_free)

/* Shows what happens until SIGINT or SIGTERM comes, or watchd is stopped: CTL_OK then. */
int dev_view_follow(DevView *v, Ctl *ctl);

/* Waits for the build that was asked for: CTL_OK when it is done, CTL_FAILED after lines that say why not. Shows nothing else. */
int dev_view_wait_for_build(DevView *v, Ctl *ctl);
