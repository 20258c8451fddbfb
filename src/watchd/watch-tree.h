/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"
#include "watchd/content.h"
#include "watchd/filter.h"
#include "watchd/watch-set.h"

/* The directories that lead to the watched files of one filter. It only tells Content which files to look at. With relative
 * roots these lie below the current directory, which must stay; absolute ones need not be there: their way is watched
 * down from the root of the file system, so that they are seen when they come, go, or are something else. Symbolic links
 * are followed on that way and where a root is one, but not below. */

typedef struct WatchTree WatchTree;

struct inotify_event;

/* All three must outlive the tree. Nothing is watched before the first scan. -ENOMEM. The caller frees. */
int watch_tree_new(WatchSet *set, const Filter *filter, Content *content, WatchTree **ret);
void watch_tree_free(WatchTree *t);
TL_DEFINE_CLEANUP(WatchTree *, watch_tree_free);

size_t watch_tree_size(const WatchTree *t);

/* Walks the whole tree: watches every directory, and touches every file that is or was there. Negative errno when the
 * watch would not be complete; watch_tree_problem() then says in one line what a person can do. What could be watched is. */
int watch_tree_scan(WatchTree *t);

/* To be called after watch_set_drain(): what went wrong with what the events told, as for watch_tree_scan(), and -ENOENT
 * when the current directory itself is gone. */
int watch_tree_settle(WatchTree *t);

/* Valid until the tree is used again. */
const char *watch_tree_problem(const WatchTree *t);

/* True while git holds the lock on its index. *ret_ended tells whether it gave it up since the last call. */
bool watch_tree_git_locked(WatchTree *t, bool *ret_ended);

/* --- For the set ------------------------------------------------------------------------------------------------- */

void watch_tree_take(WatchTree *t, const struct inotify_event *event);
bool watch_tree_knows(const WatchTree *t, int wd);
