/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* tooloo-dev.target says whether the fleet's own source tree is to be built: while it is active, or about to be. */

typedef struct DevTarget DevTarget;

/* Called when the answer is there for the first time, and when it is another one. A target that is not known is not active. */
typedef void (*dev_target_changed_t)(bool active, void *userdata);

/* bus must be attached to an event loop, and some other part must have subscribed to systemd's signals. The caller frees. */
int dev_target_new(sd_bus *bus, dev_target_changed_t changed, void *userdata, DevTarget **ret);
void dev_target_free(DevTarget *d);
TL_DEFINE_CLEANUP(DevTarget *, dev_target_free);
