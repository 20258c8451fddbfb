/* SPDX-License-Identifier: MIT */
#pragma once

/* Questions to the ledger in SQL, and what they give as JSON: a row becomes an object whose keys are the names of the
 * columns. A name may end in how the value is to be shown; it is not part of the key then, and NULL is null with each:
 *
 *         :usd      nano-USD                     USD, exact to the nano
 *         :time     realtime usec                ISO 8601 UTC
 *         :date     days since 1970              "2026-01-31"
 *         :ms       usec                         milliseconds, three decimals
 *         :number   anything                     three decimals
 *         :bool     a number                     false for 0
 *
 * Without one, integers and texts are what they are. `types` has one letter for each of the parameters ?1, ?2 ... that
 * follow, as sqlite_bind() has them; texts must stay valid until the statement is finalized. */

#include <stdarg.h>
#include <json-c/json_object.h>

#include "ledger/ledger.h"

#define USEC_PER_DAY (INT64_C(86400) * 1000000)

/* The row that s stands at; the caller puts. NULL without memory. */
json_object *row_to_json(sqlite3_stmt *s);
/* All of them, as an array; the caller puts. */
int ledger_rows(Ledger *l, json_object **ret, const char *sql, const char *types, ...);
int ledger_rows_v(Ledger *l, json_object **ret, const char *sql, const char *types, va_list ap);
/* The first. -ENOENT when there is none. */
int ledger_row(Ledger *l, json_object **ret, const char *sql, const char *types, ...);
int ledger_row_v(Ledger *l, json_object **ret, const char *sql, const char *types, va_list ap);
/* The first column of the first, a whole number; 0 for NULL or none. */
int ledger_number(Ledger *l, int64_t *ret, const char *sql, const char *types, ...);

/* Nano-USD as USD. NULL without memory, as with all of json-c. */
json_object *json_usd(int64_t nano);
json_object *json_date(int64_t day);
/* null for 0. */
json_object *json_time(uint64_t realtime_usec);
