/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* The fields of a request body, each checked as it is read. A field that is missing or null leaves *ret alone. One
 * that is wrong is -EINVAL, and *ret_problem then says in one line for the client which field it is and what was
 * expected; the caller frees it. -ENOMEM else. */

/* Makes one line of UTF-8 of what a client sent, or of what was cut off from that. */
void field_clean(char *text);

/* Makes the problem, and one line of it: always returns -EINVAL, or -ENOMEM. */
int field_problem(char **ret_problem, const char *format, ...) _printf_(2, 3);

/* True for [A-Za-z0-9._-]{1,64}: the id of a rule or a silence. */
bool field_id_valid(const char *id);
#define FIELD_ID_EXPECTED "1 to 64 of A-Z a-z 0-9 . _ - are expected"

/* A word from another kind of list: the word for i in 0..n-1, never NULL. */
typedef const char *(*field_word_t)(int i);

int field_missing(const char *name, const char *expected, char **ret_problem);
bool field_is_given(json_object *object, const char *name);

/* A misspelt name of an optional field would else be a setting that is silently without effect. names ends in NULL;
 * what names the object in the message, "a rule". */
int field_check_names(json_object *object, const char *const *names, const char *what, char **ret_problem);

/* Text of at most max bytes in one line: what people write ends up in the journal. Valid as long as object. */
int field_text(json_object *object, const char *name, size_t max, const char **ret, char **ret_problem);
int field_id(json_object *object, const char *name, const char **ret, char **ret_problem);
/* The index of one of the n words. */
int field_word(json_object *object, const char *name, field_word_t word, int n, int *ret, char **ret_problem);
/* A number that is neither infinite nor NaN. */
int field_number(json_object *object, const char *name, double *ret, char **ret_problem);
int field_bool(json_object *object, const char *name, bool *ret, char **ret_problem);
/* A duration in usec, at most max: a number is milliseconds, a string as parse_timespan() reads it. */
int field_duration(json_object *object, const char *name, uint64_t max, uint64_t *ret, char **ret_problem);

/* 5000 and not 5000.0, as it was sent. NULL without memory. */
json_object *field_number_to_json(double value);
