/* SPDX-License-Identifier: MIT */
#pragma once

#include "verbs.h"

/* Prints on stdout, in lines of 80 columns at most, as a terminal has them at the least. */

/* All verbs, in groups, and what they have in common. */
void help_print(void);

/* One verb with its options. Not for one whose program has its own text. */
void help_print_verb(const Verb *verb);
