/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "basic/macro.h"

/* Memory for keys: pages of their own that are in no core file (MADV_DONTDUMP), in no child and, where the limit allows,
 * never swapped out; wiped when they go. libcurl copies a header into memory of its own to send it: for those copies the
 * unit file has LimitCORE= and CoredumpFilter=. */
typedef struct Secret {
        char *text; /* ends with a NUL */
        size_t size, space;
        size_t mapped;
} Secret;

/* Empty, with room for `space` bytes and a NUL. */
int secret_new(size_t space, Secret **ret);
Secret *secret_free(Secret *s);
TL_DEFINE_CLEANUP(Secret *, secret_free)
