/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"
#include "watchd/schedule.h"

/* What every watched file holds, so that a save that changes nothing is known as such. Paths are relative to the
 * current directory. A file is known by a 128-bit hash; one above CONTENT_HASH_MAX bytes, or one that cannot be
 * read, by its size and time of change. Symbolic links count as missing files: what they point to may lie
 * anywhere. */

#define CONTENT_HASH_MAX (8 * 1024 * 1024)

typedef struct Content Content;

/* Holds at most max_files files. -ENOMEM. The caller frees. */
int content_new(size_t max_files, Content **ret);
void content_free(Content *c);
TL_DEFINE_CLEANUP(Content *, content_free);

size_t content_size(const Content *c);

/* Notes that a file may have changed; nothing is read until content_look. -E2BIG with max_files known, -ENOMEM. */
int content_touch(Content *c, const char *path);

/* The same for all known files in and below a directory ("." for all). */
void content_touch_below(Content *c, const char *directory);

/* Reads what was touched. With building a file that is seen to differ from what the build was given waits for the
 * next build even if it changes back: the compiler may have read it in between. */
Changes content_look(Content *c, bool building);

/* What waits for the next build: how many files, and which of them was the first to change. NULL for none; the string
 * lasts until the next call. */
const char *content_waiting(const Content *c, unsigned *ret_n);

/* The directories of what waits, each once, appended to *l until it holds max. -ENOMEM. */
int content_waiting_directories(const Content *c, char ***l, size_t max);

/* The paths themselves, in the same way. */
int content_waiting_paths(const Content *c, char ***l, size_t max);

/* True when one of these paths waits. */
bool content_waits_for_any(const Content *c, char *const *paths);

/* True when all that waits lies in one of these directories themselves, not further below. */
bool content_waits_only_in(const Content *c, char *const *directories);

/* Before a build: gives what waits for it the present time unless its own is later than usec (realtime), the end of the
 * build before. make and ninja go by times: to them a file that was saved while the compiler ran, or an old copy moved
 * into its place, is older than what was made of it, and so unchanged. */
void content_renew(Content *c, uint64_t usec);

/* A build begins: it is given what was seen last. */
void content_accept(Content *c);

/* No build begins: what waits is taken as if one had been given it. */
void content_forgo(Content *c);
