/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* What stands in an answer of metricsd. A field that is missing, null or of another type than expected is as good
 * as none: a newer metricsd is no reason to show nothing at all. */

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* NULL for none; valid as long as the object. */
const char *answer_string(json_object *object, const char *name);

/* NULL for none. */
json_object *answer_array(json_object *object, const char *name);
json_object *answer_object(json_object *object, const char *name);

/* 0 for NULL. */
size_t answer_length(json_object *array);

/* The figure that value is; false for anything else, NaN too. */
bool json_number(json_object *value, double *ret);
bool answer_number(json_object *object, const char *name, double *ret);
bool answer_flag(json_object *object, const char *name);

/* An ISO 8601 date, for *ret in realtime usec. */
bool answer_time(json_object *object, const char *name, uint64_t *ret);

/* "Nov 23 04:40:44": local time, as "logs" has it. "-" for a time that no calendar has. */
#define LOCAL_TIME_MAX 32
char *format_local_time(char buf[static LOCAL_TIME_MAX], uint64_t realtime);

/* The same of a field; NULL for none. */
const char *answer_local_time(char buf[static LOCAL_TIME_MAX], json_object *object, const char *name);
