/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Words and values as systemd.syntax(7) wants them written, so that systemd reads what was given, whatever is in it. All of
 * them return a new string, NULL without memory. */

/* A word of ExecStart=: '$' is no variable, '%' no specifier. */
char *unit_quote_argument(const char *s);

/* A word of Environment=, ReadWritePaths= and their like: '%' is no specifier. */
char *unit_quote_word(const char *s);

/* The whole of a setting that is not split into words, such as WorkingDirectory= and Description=. */
char *unit_quote_value(const char *s);

/* A word of a list in [X-Tooloo], which knows quotes and no escapes (strv_extend_words()). */
char *unit_quote_own(const char *s);

/* True when s is UTF-8: other lines systemd drops. */
bool unit_text_valid(const char *s);

/* True for what can stand at the end of a line as it is: UTF-8 without control characters that begins with no blank and ends
 * in neither blank nor backslash. Where no escapes are known, nothing else can be written. */
bool unit_value_valid(const char *s);
