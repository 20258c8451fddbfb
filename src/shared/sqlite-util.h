/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdarg.h>
#include <sqlite3.h>

#include "basic/macro.h"

/* What every user of SQLite here does in the same way. A library of its own (libsqlite_util in meson), for most programs
 * need no SQLite. */

/* A code of SQLite as negative errno: 0 for OK, ROW and DONE; -EBADMSG for a file that is damaged, no database, or without a
 * table that is asked for; -EINVAL for what its caller got wrong (a constraint, say); -EBUSY, -ENOSPC, -ENOMEM, -EROFS, -EFBIG,
 * -EACCES; of the disk its own error, where db (NULL for none) has kept that, else -EIO. */
int sqlite_errno(sqlite3 *db, int code);

/* Binds all parameters from the first on, by one letter each: u uint64_t (a time past INT64_MAX is that, for SQLite's numbers
 * are signed), i int64_t, k int64_t of which 0 is NULL, t text or NULL, b data and its size_t. Texts and data must last until
 * the statement is done with. A code of SQLite. */
int sqlite_bind(sqlite3_stmt *s, const char *types, va_list ap);

/* Of the row that the last step gave; lasts until the next. */
static inline const char *statement_text(sqlite3_stmt *s, int column) {
        return (const char *) sqlite3_column_text(s, column);
}

/* For one that is kept: what was bound is forgotten, so nothing keeps a caller's memory alive. */
static inline void statement_done(sqlite3_stmt *s) {
        (void) sqlite3_reset(s); /* says again what the step has said */
        (void) sqlite3_clear_bindings(s);
}
TL_DEFINE_CLEANUP(sqlite3_stmt *, statement_done)

/* For one that is used once. */
static inline void statement_finish(sqlite3_stmt *s) {
        (void) sqlite3_finalize(s); /* says again what the step has said */
}
TL_DEFINE_CLEANUP(sqlite3_stmt *, statement_finish)
