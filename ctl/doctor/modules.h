/* SPDX-License-Identifier: MIT */
#pragma once

#include "doctor.h"

/* Where the host of a native service looks for its module. The caller frees; NULL without memory. */
char *module_path(const UnitFacts *u);

/* Pure: what "tooloo-service --check" has said, and how it ended (as waitpid(2) has it), in one sentence; NULL when the module is
 * sound, or without memory, which *ret_error tells apart. */
char *module_complaint(const char *output, int status, int *ret_error);

/* Pure: the newest copy of the module that a host has loaded, by its /proc/PID/maps: .../ID-PID-N.so with the greatest N.
 * The caller frees; NULL when there is none. */
char *module_copy_in_maps(const char *maps, const char *id, uint32_t pid);
