/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include <nettle/sha2.h>
#include <string.h>

#include "basic/string-util.h"
#include "canonical.h"

#define BUCKETS 1024

typedef struct Entry {
        uint8_t key[CACHE_KEY_SIZE];
        Answer *answer;
        uint64_t until;
        LIST_ENTRY(Entry) bucket;
        TAILQ_ENTRY(Entry) order;
} Entry;

struct Cache {
        LIST_HEAD(EntryBucket, Entry) buckets[BUCKETS];
        TAILQ_HEAD(EntryOrder, Entry) order; /* what was asked for last comes first */
        size_t n, bytes;
};

int cache_new(Cache **ret) {
        Cache *c = calloc(1, sizeof(Cache));

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->order);
        *ret = c;
        return 0;
}

static void drop(Cache *c, Entry *e) {
        LIST_REMOVE(e, bucket);
        TAILQ_REMOVE(&c->order, e, order);
        c->n--;
        c->bytes -= e->answer->size;
        answer_unref(e->answer);
        free(e);
}

Cache *cache_free(Cache *c) {
        if (!c)
                return NULL;
        while (!TAILQ_EMPTY(&c->order))
                drop(c, TAILQ_FIRST(&c->order));
        free(c);
        return NULL;
}

/* Names end with a NUL, which none of them has in it: what is put together is read in one way only. */
int cache_key(WireFormat api, int64_t key, const char *user, json_object *body, uint8_t ret[static CACHE_KEY_SIZE]) {
        const char *format = wire_format_to_string(api);
        _cleanup_(freep) char *text = NULL;
        struct sha256_ctx ctx;
        size_t size;
        int r;

        r = canonical_json(body, &text, &size);
        if (r < 0)
                return r;
        sha256_init(&ctx);
        sha256_update(&ctx, strlen(format) + 1, (const uint8_t *) format);
        sha256_update(&ctx, sizeof(key), (const uint8_t *) &key);
        sha256_update(&ctx, strlen(strempty(user)) + 1, (const uint8_t *) strempty(user));
        sha256_update(&ctx, size, (const uint8_t *) text);
        sha256_digest(&ctx, CACHE_KEY_SIZE, ret);
        return 0;
}

static struct EntryBucket *bucket_of(Cache *c, const uint8_t key[static CACHE_KEY_SIZE]) {
        return &c->buckets[(key[0] | (key[1] << 8)) % BUCKETS];
}

static Entry *find(Cache *c, const uint8_t key[static CACHE_KEY_SIZE]) {
        Entry *e;

        LIST_FOREACH(e, bucket_of(c, key), bucket)
                if (memcmp(e->key, key, CACHE_KEY_SIZE) == 0)
                        return e;
        return NULL;
}

Answer *cache_get(Cache *c, const uint8_t key[static CACHE_KEY_SIZE], uint64_t now) {
        Entry *e = find(c, key);

        if (e && now >= e->until) {
                drop(c, e);
                e = NULL;
        }
        if (!e)
                return NULL;
        TAILQ_REMOVE(&c->order, e, order);
        TAILQ_INSERT_HEAD(&c->order, e, order);
        return answer_ref(e->answer);
}

int cache_put(Cache *c, const uint8_t key[static CACHE_KEY_SIZE], Answer *answer, uint64_t until) {
        Entry *e = find(c, key);

        if (answer->size > CACHE_ENTRY_MAX)
                return -EFBIG;
        if (e)
                drop(c, e);
        e = calloc(1, sizeof(Entry));
        if (!e)
                return -ENOMEM;
        memcpy(e->key, key, CACHE_KEY_SIZE);
        e->answer = answer_ref(answer);
        e->until = until;
        LIST_INSERT_HEAD(bucket_of(c, key), e, bucket);
        TAILQ_INSERT_HEAD(&c->order, e, order);
        c->n++;
        c->bytes += answer->size;
        while (c->n > CACHE_ENTRIES_MAX || c->bytes > CACHE_BYTES_MAX)
                drop(c, TAILQ_LAST(&c->order, EntryOrder));
        return 0;
}
