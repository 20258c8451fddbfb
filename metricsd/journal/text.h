/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

/* Makes one line of valid UTF-8 of s[0..size), in place, for a journal may hold anything: what is no character becomes '?',
 * control characters a blank, and blanks at the end go. Writes a NUL behind it, so s must have room for size + 1; returns the
 * length. */
size_t text_clean(char *s, size_t size);
