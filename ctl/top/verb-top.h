/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/ctl.h"

/* As the verbs of ctl.h. */
int verb_top(Ctl *ctl);
