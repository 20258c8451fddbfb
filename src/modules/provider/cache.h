/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "answer.h"

/* Answers of the near past, by what was asked: SHA-256 of its canonical JSON and of who asks, for nobody is to learn from it
 * what others do. In memory alone. Times are monotonic usec. */
typedef struct Cache Cache;

#define CACHE_KEY_SIZE 32
#define CACHE_ENTRIES_MAX 4096
#define CACHE_BYTES_MAX ((size_t) 32 * 1024 * 1024)
#define CACHE_ENTRY_MAX ((size_t) 4 * 1024 * 1024)

int cache_new(Cache **ret);
Cache *cache_free(Cache *c);
TL_DEFINE_CLEANUP(Cache *, cache_free)

/* -ERANGE: the body has no canonical form. key: the gateway key's id; user may be NULL. */
int cache_key(WireFormat api, int64_t key, const char *user, json_object *body, uint8_t ret[static CACHE_KEY_SIZE]);

/* A reference of the caller's, NULL when there is none. */
Answer *cache_get(Cache *c, const uint8_t key[static CACHE_KEY_SIZE], uint64_t now);
/* Keeps one until then; what has not been asked for longest goes when there is no room. */
int cache_put(Cache *c, const uint8_t key[static CACHE_KEY_SIZE], Answer *answer, uint64_t until);
