/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Programs as a shell finds them, and as systemd will find them later and without that shell. */

/* The absolute path of a command's first word: looked up in PATH, or from the working directory when it has a '/'. -ENOENT when
 * there is none, -EACCES when it is no file that this user may execute. The caller frees. */
int program_find(const char *word, char **ret);

/* The PATH= that the program needs to find others: this shell's, when that has more in it than systemd's own; else NULL. */
int program_search_path(char **ret);

/* path with what of it lasts no longer than a session (a version manager's link in the runtime directory, say) resolved. */
int program_lasting_path(const char *path, char **ret);

/* True for what lies in /tmp or /var/tmp, where each service has a directory of its own and sees nothing of others. */
bool path_is_private(const char *path);
