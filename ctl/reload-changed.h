/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"

/* "reload --changed": brings every running host to the module file that lies on disk now. Returns an exit status. */
int reload_changed(const Ctl *ctl);
