/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Decimal numbers as whole counts of their smallest part: "0.15" with 6 places is 150000. No floating point is in between, so a
 * price is what was written, to its last digit. */

/* Reads digits with at most one point and at most one exponent ("0.15", "1.5e-07"), the form of JSON's numbers. *ret is rounded
 * half up: 1 when that took something away, 0 when it did not. -ERANGE when negative or over max, -EINVAL for anything else. */
int parse_decimal(const char *s, unsigned places, int64_t max, int64_t *ret);

/* "-9223372036.854775808" and its NUL, with room for a leading zero and point. */
#define DECIMAL_MAX 32
#define DECIMAL_PLACES_MAX 18

/* Writes it without zeros that say nothing: "0.15", "3"; places at most DECIMAL_PLACES_MAX. Returns buf. */
char *format_decimal(char buf[static DECIMAL_MAX], int64_t value, unsigned places);
