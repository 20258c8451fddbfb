/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

/* Takes out of a message what differs from one time to the next, so that two lines about the same thing read the same. A '*'
 * stands for
 *   a number, with sign, fraction, separators and unit ("-1.5", "12:30:05", "2026-01-31T08:15:30Z", "15ms", "0x7f12"),
 *   an id: a UUID, eight and more hex digits, letters and digits in turns ("req-7f3a9c21", "a8Zk3p"),
 *   an address: of IPv4 or IPv6, with or without a port, and of mail,
 *   a segment of a path that has a digit (but "v1" and its like), and the query behind a path,
 *   what stands between quotes, which stay.
 * Runs of blanks become one. */

/* Writes a terminated string to ret; returns its length. message[0..size) is text as text_clean() leaves it; ret has room for
 * size + 1. */
size_t message_mask(const char *message, size_t size, char *ret);
