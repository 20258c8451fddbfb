/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Which paths count. Either all of them are relative to a source tree's top, which itself is ".", or all are absolute. */

typedef struct Filter {
        char *const *roots;  /* what is watched; each a file or a directory with all below it */
        /* Globs: one with a slash is held against the whole path (below an absolute root: against what comes behind that root,
         * unless it is absolute itself), any other against the last part. */
        char *const *ignore;
        char *const *skip;   /* directories that are never entered: the build's own output */
        bool program;        /* also without what programs in any language leave beside their code */
} Filter; /* lists end in NULL and belong to the caller */

/* Brings "./a//b/" and "/a/./b/" into the form in which the watcher names what it finds. -EINVAL for one with "..", which means
 * something else where a directory is a symbolic link. */
int path_normalize(char *path);

typedef enum FilterResult {
        FILTER_OUTSIDE, /* nothing in or below it matters */
        FILTER_TOWARDS, /* a directory on the way to a root: only what leads on to that root matters in it */
        FILTER_INSIDE,
} FilterResult;

/* Judges path, whose parent was not FILTER_OUTSIDE. */
FilterResult filter_path(const Filter *filter, const char *path);

/* True when path is directory or lies below it. */
bool path_is_below(const char *path, const char *directory);
