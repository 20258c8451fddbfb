/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

/* Whole numbers in few bytes, for such as lie near the one before. A head byte, then the body, deflated (RFC 1951, without
 * zlib's frame) where that is smaller:
 *
 *   gaps      only if there are any: how many numbers there are, how many are missing, how many there are, ... in turns
 *   numbers   those that are there, each less the one before; as tokens: count * 2, then so many of them, or count * 2 + 1,
 *             then one that stands for all of so many
 *
 * Counts are varints, numbers zigzag varints. What is read back has to give as many as were asked for with its last byte, and
 * nothing else than that. */

#define PACK_GAP INT64_MIN
#define PACK_MAX 4096 /* numbers */

/* zlib's memory and a buffer. */
typedef struct Packer Packer;

int packer_new(Packer **ret);
Packer *packer_free(Packer *packer);
TL_DEFINE_CLEANUP(Packer *, packer_free)

/* *ret is the packer's and lasts until it is used again. -E2BIG for more than PACK_MAX. No numbers are no bytes. */
int pack(Packer *packer, const int64_t *numbers, size_t n, const uint8_t **ret, size_t *ret_size);

/* Fills all n numbers. -EBADMSG for bytes that are not exactly these; what numbers hold is undefined then. */
int unpack(Packer *packer, const void *data, size_t size, int64_t *numbers, size_t n);
