/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* The one inotify instance of this process (a user has 128 of them), for all trees that are watched. The same directory
 * may be in several trees: the kernel has one watch for it then, and each of them hears of what happens there. */

typedef struct WatchSet WatchSet;
typedef struct WatchTree WatchTree;

/* -EMFILE when the user's inotify instances are all taken. The caller frees, after all of its trees. */
int watch_set_new(WatchSet **ret);
void watch_set_free(WatchSet *s);
TL_DEFINE_CLEANUP(WatchSet *, watch_set_free);

/* The inotify descriptor, to poll for input; it stays the set's. */
int watch_set_fd(const WatchSet *s);

/* Takes all events that wait, and hands each to every tree: watch_tree_take() in watch-tree.h, whose failure is the
 * tree's own matter. -errno when inotify itself fails. */
int watch_set_drain(WatchSet *s);

/* --- For trees --------------------------------------------------------------------------------------------------- */

int watch_set_join(WatchSet *s, WatchTree *tree);
void watch_set_leave(WatchSet *s, WatchTree *tree);

/* Watches a directory, for events beside those that another tree wants. Returns its wd, or -errno. */
int watch_set_add(WatchSet *s, const char *path, uint32_t mask);

/* tree has forgotten wd. What no other tree knows is no longer watched. */
void watch_set_drop(WatchSet *s, int wd);
