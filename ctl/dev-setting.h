/* SPDX-License-Identifier: MIT */
#pragma once

/* Where a TooLoo source tree is: given, or the nearest one at or above the working directory. The caller frees *ret,
 * an absolute path. -ENOENT when given is none, or none lies above. */
int dev_find_tree(const char *given, char **ret);

/* The drop-in that tells watchd what to watch and where to build, in systemd's syntax. -EINVAL for a path that cannot
 * stand in a unit file. */
int dev_setting_format(const char *source, const char *build, char **ret);

/* Puts content where the user manager finds it. 1 when that changed the file, 0 when it said so before; *ret_path for
 * messages, set in any case but -ENOMEM and -ENOENT (no home directory is known). */
int dev_setting_write(const char *content, char **ret_path);
