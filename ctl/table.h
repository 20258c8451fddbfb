/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* One description of columns from which both a table for people and JSON for programs are made, so that neither says what
 * the other does not. libsmartcols lays the table out, json-c writes the JSON. */

typedef enum ValueType {
        VALUE_UNKNOWN,  /* "-" and null */
        VALUE_STRING,
        VALUE_FLAG,     /* "yes" or "no" */
        VALUE_NUMBER,
        VALUE_BYTES,    /* "1.2M"; in JSON the number */
        VALUE_TIMESPAN, /* of usec: "2min 5s"; in JSON milliseconds */
        VALUE_MSEC,     /* "1.2ms"; in JSON the number */
        VALUE_PERCENT,  /* held in msec: "3.4%"; in JSON the number */
        VALUE_MONEY,    /* nano-USD, in "number": "0.0125", in JSON too */
        VALUE_TIME,     /* realtime usec: ISO 8601 */
        VALUE_LIST,     /* "a,b"; in JSON an array */
} ValueType;

/* What one cell holds; strings and lists belong to the row. */
typedef struct Value {
        ValueType type;
        union {
                const char *string;
                bool flag;
                uint64_t number;
                double msec;
                char *const *list;
        };
        uint64_t more; /* of a number, in the table alone: "4+1" */
} Value;

static inline Value value_unknown(void) {
        return (Value) { .type = VALUE_UNKNOWN };
}
/* NULL for unknown. */
static inline Value value_string(const char *s) {
        return s ? (Value) { .type = VALUE_STRING, .string = s } : value_unknown();
}
static inline Value value_flag(bool flag) {
        return (Value) { .type = VALUE_FLAG, .flag = flag };
}
static inline Value value_number(ValueType type, uint64_t number, bool known) {
        return known ? (Value) { .type = type, .number = number } : value_unknown();
}
static inline Value value_msec(double msec, bool known) {
        return known ? (Value) { .type = VALUE_MSEC, .msec = msec } : value_unknown();
}
static inline Value value_percent(double percent, bool known) {
        return known ? (Value) { .type = VALUE_PERCENT, .msec = percent } : value_unknown();
}
/* Negative for unknown. */
static inline Value value_money(int64_t nano_usd) {
        return value_number(VALUE_MONEY, (uint64_t) nano_usd, nano_usd >= 0);
}
static inline Value value_list(char *const *list) {
        return (Value) { .type = VALUE_LIST, .list = list };
}

typedef enum ColumnFlags {
        COLUMN_RIGHT = 1 << 0,   /* aligned right, as figures are */
        COLUMN_SHRINKS = 1 << 1, /* is cut, with an ellipsis, where the terminal is too narrow */
} ColumnFlags;

typedef struct Column {
        const char *name; /* the heading; NULL: in JSON alone */
        const char *key;  /* in JSON; NULL: in the table alone */
        Value (*get)(const void *row);
        ColumnFlags flags;
        unsigned drop; /* where the terminal is too narrow, the column with the highest one goes first; 0: it stays */
        const char *(*color)(const void *row); /* an escape sequence or NULL; may be NULL */
} Column;

/* Prints rows (an array of n pointers) on stdout; cells without a value say "-", but for the last column's, so that
 * columns stay columns for awk. The first n_first of them are a group; the others follow apart, under their title. 1 when a
 * text had to be cut. */
int table_print(const Column *columns, size_t n_columns, const void *const *rows, size_t n, size_t n_first,
                const char *title);

/* The same without colours for a terminal of that width, in lines that end in a line feed, for *ret. */
int table_to_string(const Column *columns, size_t n_columns, const void *const *rows, size_t n, size_t width, char **ret);

/* Adds an object for each row to a new array; the caller puts *ret. */
int table_to_json(const Column *columns, size_t n_columns, const void *const *rows, size_t n, json_object **ret);

static inline void json_put(json_object *o) {
        (void) json_object_put(o);
}
TL_DEFINE_CLEANUP(json_object *, json_put)

/* Sets a field and takes value over, also on failure. -ENOMEM when value could not be made. */
int json_set(json_object *object, const char *key, json_object *value);

/* Prints one line on stdout. */
int json_print(json_object *object);

/* An array of strings; NULL without memory. */
json_object *json_strv(char *const *list);

/* A number whose text is that decimal, to its last digit; NULL without memory. */
#define MONEY_PLACES 9
json_object *json_decimal(int64_t value, unsigned places);

/* "12.3M": bytes with a binary prefix, as systemctl prints them. */
#define BYTES_MAX 16
char *format_bytes(char buf[static BYTES_MAX], uint64_t bytes);
