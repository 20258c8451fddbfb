/* SPDX-License-Identifier: MIT */
#include "answers/rows.h"

#include <math.h>
#include <time.h>

#include "basic/decimal.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* --- Values --- */

json_object *json_usd(int64_t nano) {
        char text[DECIMAL_MAX];

        return json_object_new_double_s((double) nano / 1e9, format_decimal(text, nano, 9));
}

json_object *json_date(int64_t day) {
        time_t at = (time_t) (day * 86400);
        struct tm tm;
        char text[sizeof("2026-01-31") + 8];

        if (!gmtime_r(&at, &tm) || strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
                return NULL;
        return json_object_new_string(text);
}

json_object *json_time(uint64_t realtime_usec) {
        char buf[ISO8601_MAX];

        return realtime_usec > 0 ? json_object_new_string(format_iso8601(buf, realtime_usec)) : NULL;
}

static int64_t rounded(sqlite3_stmt *s, int i) {
        return sqlite3_column_type(s, i) == SQLITE_FLOAT ? llround(sqlite3_column_double(s, i)) : sqlite3_column_int64(s, i);
}

static json_object *plain(sqlite3_stmt *s, int i) {
        switch (sqlite3_column_type(s, i)) {
        case SQLITE_INTEGER:
                return json_object_new_int64(sqlite3_column_int64(s, i));
        case SQLITE_FLOAT:
                return json_rounded(sqlite3_column_double(s, i));
        default:
                return json_object_new_string((const char *) sqlite3_column_text(s, i));
        }
}

static json_object *shown(sqlite3_stmt *s, int i, const char *kind) {
        if (!kind)
                return plain(s, i);
        if (streq(kind, "usd"))
                return json_usd(rounded(s, i));
        if (streq(kind, "time"))
                return json_time((uint64_t) rounded(s, i));
        if (streq(kind, "date"))
                return json_date(rounded(s, i));
        if (streq(kind, "ms"))
                return json_rounded(sqlite3_column_double(s, i) / USEC_PER_MSEC);
        if (streq(kind, "bool"))
                return json_object_new_boolean(sqlite3_column_int64(s, i) != 0);
        return json_rounded(sqlite3_column_double(s, i));
}

static bool add_column(json_object *row, sqlite3_stmt *s, int i) {
        const char *name = sqlite3_column_name(s, i), *colon = name ? strchr(name, ':') : NULL;
        _cleanup_(freep) char *key = NULL;

        if (!name)
                return false;
        key = strndup(name, colon ? (size_t) (colon - name) : strlen(name));
        return key && json_add(row, key, sqlite3_column_type(s, i) == SQLITE_NULL ? NULL
                               : shown(s, i, colon ? colon + 1 : NULL));
}

json_object *row_to_json(sqlite3_stmt *s) {
        _cleanup_(json_object_putp) json_object *row = json_object_new_object();

        for (int i = 0; row && i < sqlite3_column_count(s); i++)
                if (!add_column(row, s, i))
                        return NULL;
        return TAKE_PTR(row);
}

/* --- All in one --- */

static int all_rows(sqlite3_stmt *s, json_object **ret) {
        _cleanup_(json_object_putp) json_object *list = json_object_new_array();
        int r = list ? 0 : -ENOMEM;

        while (r >= 0 && (r = ledger_next(s)) > 0) {
                json_object *row = row_to_json(s);

                if (!row || json_object_array_add(list, row) < 0) {
                        json_object_put(row);
                        r = -ENOMEM;
                }
        }
        if (r >= 0)
                *ret = TAKE_PTR(list);
        return r;
}

int ledger_rows_v(Ledger *l, json_object **ret, const char *sql, const char *types, va_list ap) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r = ledger_ask_v(l, &s, sql, types, ap);

        return r < 0 ? r : all_rows(s, ret);
}

int ledger_rows(Ledger *l, json_object **ret, const char *sql, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = ledger_rows_v(l, ret, sql, types, ap);
        va_end(ap);
        return r;
}

int ledger_row_v(Ledger *l, json_object **ret, const char *sql, const char *types, va_list ap) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        json_object *row;
        int r = ledger_ask_v(l, &s, sql, types, ap);

        if (r >= 0)
                r = ledger_next(s);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        row = row_to_json(s);
        if (!row)
                return -ENOMEM;
        *ret = row;
        return 0;
}

int ledger_row(Ledger *l, json_object **ret, const char *sql, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = ledger_row_v(l, ret, sql, types, ap);
        va_end(ap);
        return r;
}

int ledger_number(Ledger *l, int64_t *ret, const char *sql, const char *types, ...) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = ledger_ask_v(l, &s, sql, types, ap);
        va_end(ap);
        if (r >= 0)
                r = ledger_next(s);
        if (r >= 0)
                *ret = r > 0 ? sqlite3_column_int64(s, 0) : 0;
        return r < 0 ? r : 0;
}
