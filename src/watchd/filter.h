/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Which paths of the source tree count. All paths are relative to the tree's top, which itself is ".". */

typedef struct Filter {
        char *const *roots;  /* what is watched; each a file or a directory with all below it */
        char *const *ignore; /* globs: one with a slash is held against the whole path, else against the last part */
        char *const *skip;   /* directories that are never entered: the build's own output */
} Filter; /* lists end in NULL and belong to the caller */

typedef enum FilterResult {
        FILTER_OUTSIDE, /* nothing in or below it matters */
        FILTER_TOWARDS, /* a directory on the way to a root: only what leads on to that root matters in it */
        FILTER_INSIDE,
} FilterResult;

/* Judges path, whose parent was not FILTER_OUTSIDE. */
FilterResult filter_path(const Filter *filter, const char *path);

/* True when path is directory or lies below it. */
bool path_is_below(const char *path, const char *directory);
