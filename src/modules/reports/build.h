/* SPDX-License-Identifier: MIT */
#pragma once

/* Making answers. A value that could not be made for want of memory shows as null; a number that is not known (NAN) is meant
 * to. */

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* Takes over value. object may be NULL: value is put then. */
void put(json_object *object, const char *name, json_object *value);
void push(json_object *array, json_object *value);
void put_text(json_object *object, const char *name, const char *text);
void put_text_printf(json_object *object, const char *name, const char *format, ...) _printf_(3, 4);
/* ISO 8601 of realtime usec. */
void put_time(json_object *object, const char *name, uint64_t usec);

/* Three digits behind the point, six, nine (nano-USD), and six that count: null for NAN. */
json_object *number_ms(double value);
json_object *number_share(double value);
json_object *number_usd(double value);
json_object *number_p(double value);
