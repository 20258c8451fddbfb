/* SPDX-License-Identifier: MIT */
#pragma once

/* The file whose existence says that git is changing the working tree. */
#define GIT_LOCK_NAME "index.lock"

/* Finds the git directory of the working tree that the current directory lies in; for a linked worktree or a
 * submodule that is where its `.git` file points. -ENOENT without one. The caller frees *ret. */
int git_find_directory(char **ret);
