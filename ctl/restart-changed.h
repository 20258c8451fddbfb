/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"

/* "restart --changed": restarts what runs another program than lies on disk, one service at a time, each once the one before
 * is healthy. An exit status. */
int restart_changed(Ctl *ctl);
