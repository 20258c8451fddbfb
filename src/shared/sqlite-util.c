/* SPDX-License-Identifier: MIT */
#include "shared/sqlite-util.h"

#include <stdint.h>

/* The error of the disk itself, where SQLite has kept it. */
static int system_error(sqlite3 *db) {
        int error = db ? sqlite3_system_errno(db) : 0;

        return error > 0 ? -error : -EIO;
}

int sqlite_errno(sqlite3 *db, int code) {
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_ERROR: /* a table that is not there, say */
                return -EBADMSG;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_TOOBIG:
                return -EFBIG;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_RANGE:
        case SQLITE_MISUSE:
                return -EINVAL;
        default: /* IOERR, CANTOPEN */
                return system_error(db);
        }
}

static int bind_one(sqlite3_stmt *s, int i, char type, va_list *ap) {
        const void *data;
        uint64_t number;
        int64_t key;

        switch (type) {
        case 'u':
                number = va_arg(*ap, uint64_t);
                return sqlite3_bind_int64(s, i, (int64_t) MIN(number, (uint64_t) INT64_MAX));
        case 'i':
                return sqlite3_bind_int64(s, i, va_arg(*ap, int64_t));
        case 'k':
                key = va_arg(*ap, int64_t);
                return key == 0 ? sqlite3_bind_null(s, i) : sqlite3_bind_int64(s, i, key);
        case 't':
                return sqlite3_bind_text(s, i, va_arg(*ap, const char *), -1, SQLITE_STATIC);
        case 'b':
                data = va_arg(*ap, const void *);
                return sqlite3_bind_blob64(s, i, data ? data : "", va_arg(*ap, size_t), SQLITE_STATIC); /* NULL is none */
        default:
                return SQLITE_MISUSE;
        }
}

int sqlite_bind(sqlite3_stmt *s, const char *types, va_list ap) {
        int code = SQLITE_OK;
        va_list rest;

        va_copy(rest, ap);
        for (int i = 0; types[i] != '\0' && code == SQLITE_OK; i++)
                code = bind_one(s, i + 1, types[i], &rest);
        va_end(rest);
        return code;
}
