/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

/* Has some object of a JSON text a field twice? Of two a parser silently takes one, and who sent them may have meant the
 * other. 1 with the begin of the field's name for *ret_name, one line that the caller frees; 0 when there is none, also for
 * what is no JSON, which is somebody else's to say; -ENOMEM. */
int json_find_repeated(const char *text, size_t size, char **ret_name);
