/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "basic/macro.h"
#include "watchd/content.h"
#include "watchd/filter.h"

/* The directories below the current one that lead to watched files, all in one inotify instance. It only tells
 * Content which files to look at. Symbolic links are not followed. */

typedef struct WatchTree WatchTree;

/* Both must outlive the tree. Nothing is watched before the first scan. -ENOMEM. The caller frees. */
int watch_tree_new(const Filter *filter, Content *content, WatchTree **ret);
void watch_tree_free(WatchTree *t);
TL_DEFINE_CLEANUP(WatchTree *, watch_tree_free);

/* The inotify descriptor, to poll for input; it stays the tree's, and is there after the first scan. */
int watch_tree_fd(const WatchTree *t);

size_t watch_tree_size(const WatchTree *t);

/* Walks the whole tree: watches every directory, and touches every file that is or was there. Negative errno when the
 * watch would not be complete; watch_tree_problem() then says in one line what a person can do. */
int watch_tree_scan(WatchTree *t);

/* Takes all events that wait. Errors as for watch_tree_scan, and -ENOENT when the top directory itself is gone. */
int watch_tree_drain(WatchTree *t);

/* Valid until the tree is used again. */
const char *watch_tree_problem(const WatchTree *t);

/* True while git holds the lock on its index. *ret_ended tells whether it gave it up since the last call. */
bool watch_tree_git_locked(WatchTree *t, bool *ret_ended);
