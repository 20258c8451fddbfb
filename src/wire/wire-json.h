/* SPDX-License-Identifier: MIT */
#pragma once

/* JSON as the formats need it: reading what may be missing or of another type, and building where any step may lack memory. */

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <json-c/json_tokener.h>

#include "basic/macro.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)
TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

#define WIRE_DEPTH_MAX 64 /* of objects and arrays within each other */

/* Reading: what belongs to `object` is returned, and NULL for anything that is not there: no object, no such key, null. */
json_object *wire_field(json_object *object, const char *key);
json_object *wire_array(json_object *object, const char *key);
json_object *wire_object(json_object *object, const char *key);
json_object *wire_text(json_object *object, const char *key);   /* a string, as JSON */
const char *wire_string(json_object *object, const char *key);  /* a string */
bool wire_is(json_object *object, const char *key, const char *value);
bool wire_true(json_object *object, const char *key);
/* A count of tokens: 0 for anything else; at most WIRE_COUNT_MAX, so that sums stay in range. */
#define WIRE_COUNT_MAX (INT64_C(1) << 48)
int64_t wire_count(json_object *object, const char *key);
/* The same, which says when there is something and it is no count. */
int64_t wire_count_or_invalid(json_object *object, const char *key, bool *invalid);
size_t wire_length(json_object *array); /* 0 for NULL */

/* Building: *object becomes NULL once anything could not be made, and stays so. The value is taken over in any case. */
void wire_set(json_object **object, const char *key, json_object *value);
void wire_push(json_object **array, json_object *value);
void wire_set_string(json_object **object, const char *key, const char *value);
void wire_set_int(json_object **object, const char *key, int64_t value);
void wire_set_bool(json_object **object, const char *key, bool value);
void wire_set_null(json_object **object, const char *key);
/* Another reference of value; nothing is set when that is NULL. */
void wire_set_ref(json_object **object, const char *key, json_object *value);
/* A new object with the fields of `object`, values shared; NULL without memory. */
json_object *wire_shallow_copy(json_object *object);

/* Whole texts of JSON, of depth WIRE_DEPTH_MAX at most. -EBADMSG, -ENOMEM. */
int wire_parse(json_tokener *tokener, const char *text, size_t size, json_object **ret);
int wire_parse_object(const char *text, size_t size, json_object **ret);
const char *wire_to_text(json_object *json, size_t *ret_size); /* belongs to json; NULL without memory */

/* Sets *ret_why and returns r, or -ENOMEM. */
int wire_why(char **ret_why, int r, const char *format, ...) _printf_(3, 4);
