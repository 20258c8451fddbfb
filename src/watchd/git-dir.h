/* SPDX-License-Identifier: MIT */
#pragma once

/* The file whose existence says that git is changing the working tree. */
#define GIT_LOCK_NAME "index.lock"

/* Finds the git directory of the working tree that a file or directory lies in; for a linked worktree or a submodule that
 * is where its `.git` file points. -ENOENT without one, or without that path. The caller frees *ret. */
int git_find_directory(const char *from, char **ret);
