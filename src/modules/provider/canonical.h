/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

/* JSON in its one canonical form (RFC 8785): two texts that say the same have the same. */

/* The caller frees *ret; ret_size may be NULL. -ERANGE for what has none: whole numbers that a double cannot hold exactly,
 * numbers that are none, what lies too deep. */
int canonical_json(json_object *json, char **ret, size_t *ret_size);

/* The shortest decimal that is this double, as ECMAScript writes it, and its NUL. */
#define CANONICAL_NUMBER_MAX 32
/* -ERANGE for infinity and NaN. */
int canonical_number(double value, char ret[static CANONICAL_NUMBER_MAX]);
