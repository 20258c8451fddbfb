/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"

/* Arrays of strings that end in NULL; NULL is an empty one. */

/* Frees the strings and the array; always returns NULL. */
char **strv_free(char **l);
TL_DEFINE_CLEANUP(char **, strv_free)

size_t strv_length(char *const *l);
bool strv_contains(char *const *l, const char *s);

/* Appends a copy of s. -ENOMEM leaves the array as it was. */
int strv_extend(char ***l, const char *s);

/* One string of them all, with separator between. NULL without memory; the caller frees. */
char *strv_join(char *const *l, const char *separator);

/* Splits s at blanks and appends the words to *l. A word or part of one in "" or '' keeps its blanks; there are no
 * escapes. At most max words are held in all: -E2BIG beyond. -EINVAL when a quote is not closed. On failure *l holds
 * what it held. */
int strv_extend_words(char ***l, const char *s, size_t max);

/* for (char **i = l; i && *i; i++) */
#define STRV_FOREACH(i, l) for (__typeof__(*(l)) *i = (l); i && *i; i++)
