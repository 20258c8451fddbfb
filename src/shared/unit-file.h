/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads a file in the syntax of systemd.syntax(7): comments, continued lines (a comment between them is skipped),
 * sections, blanks around key and value stripped. systemd's own reader is not in its library, and the INI libraries
 * that distributions ship merge or drop repeated keys, which here make lists; so this is our own, and only a reader.
 *
 * assign is called for each assignment, in order; line is where it begins. What it returns, when negative, ends the
 * reading and is returned. A line that is neither section nor assignment is skipped, as systemd skips it (and says so
 * in the journal). -EFBIG for a file over 256 KiB. */
typedef int (*unit_file_assign_t)(const char *section, const char *key, const char *value, const char *path,
                                  unsigned line, void *userdata);

int unit_file_read(const char *path, unit_file_assign_t assign, void *userdata);

/* Removes the file and its folder of drop-ins, PATH.d, in which are only files and links. What is not there is no matter; what
 * cannot be removed is left, and the first such error returned. */
int unit_file_remove(const char *path);
