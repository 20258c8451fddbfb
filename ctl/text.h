/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

/* Text that came from elsewhere (a service's message, a unit's description) on its way to a terminal or a program. */

/* A copy of n bytes as one line of valid UTF-8: what would steer a terminal (control characters, C1 ones too) becomes a
 * blank, what is not UTF-8 becomes U+FFFD. NULL without memory; the caller frees. */
char *text_clean(const char *s, size_t n);

/* The same, but line feeds and tabs stay. */
char *text_clean_lines(const char *s, size_t n);

/* Columns that s takes on this locale's terminal; what the locale cannot print is counted as libsmartcols prints it,
 * "\xe2". */
size_t text_width(const char *s);

/* A copy that takes width columns at most and ends in an ellipsis when something was cut. NULL without memory. */
char *text_ellipsize(const char *s, size_t width);

/* How many bytes of s go into a line of so many columns (at least 1) when it is broken at a blank, or within a word that alone
 * is longer. Blanks at the break are the caller's to skip. */
size_t text_wrap(const char *s, size_t width);
