/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a whole file and adds a NUL that ret_size does not count. -EFBIG when it holds more than max bytes.
 * The caller frees *ret. ret_size may be NULL. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);

/* Writes all of data, whatever the number of write(2) calls that takes. */
int write_all(int fd, const void *data, size_t size);

/* Replaces path in one step: temporary file in the same directory, fsync, rename, fsync of the directory. On failure
 * no temporary file is left and the old content stands; only when the last step fails is it the new one. */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode);

/* Copies the content of from into path in the same way. The temporary file lies in staging, which must be on the
 * same file system, so that whoever watches the directory of path sees one event alone; NULL means the directory
 * of path. */
int copy_file_atomic(const char *from, const char *path, const char *staging, mode_t mode);

/* Copies from into a new file; -EEXIST when path is there already. What was written is removed on failure. */
int copy_file_new(const char *from, const char *path, mode_t mode);

/* Compares two files byte by byte. 1 when equal, 0 when not, negative errno when one cannot be read. */
int files_equal(const char *a, const char *b);

/* mkdir -p. Existing directories are left as they are. */
int mkdir_parents(const char *path, mode_t mode);
