/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <json-c/json_tokener.h>
#include <stdlib.h>
#include <string.h>

#include "modules/provider/cache.h"

#define S UINT64_C(1000000)

static Answer *answer(size_t size) {
        Answer *a = NULL;

        cr_assert_eq(answer_new(200, "application/json", calloc(1, size), size, &a), 0);
        return a;
}

static void key_of(uint32_t n, uint8_t key[static CACHE_KEY_SIZE]) {
        memset(key, 0, CACHE_KEY_SIZE);
        memcpy(key, &n, sizeof(n));
}

static void put(Cache *c, uint32_t n, size_t size, uint64_t until) {
        uint8_t key[CACHE_KEY_SIZE];
        Answer *a = answer(size);

        key_of(n, key);
        cr_assert_eq(cache_put(c, key, a, until), 0);
        answer_unref(a);
}

static bool has(Cache *c, uint32_t n, uint64_t now) {
        uint8_t key[CACHE_KEY_SIZE];
        Answer *a;

        key_of(n, key);
        a = cache_get(c, key, now);
        answer_unref(a);
        return a != NULL;
}

static void body_key(WireFormat api, int64_t key, const char *user, const char *text, uint8_t ret[static CACHE_KEY_SIZE]) {
        json_object *json = json_tokener_parse(text);

        cr_assert_eq(cache_key(api, key, user, json, ret), 0);
        json_object_put(json);
}

Test(provider_cache, keys_say_who_asks_what) {
        static const struct {
                WireFormat api;
                int64_t key;
                const char *user, *text;
        } others[] = {
                { WIRE_ANTHROPIC, 1, "ada", "{\"a\":1,\"b\":2}" }, { WIRE_OPENAI, 2, "ada", "{\"a\":1,\"b\":2}" },
                { WIRE_OPENAI, 1, "bob", "{\"a\":1,\"b\":2}" },    { WIRE_OPENAI, 1, NULL, "{\"a\":1,\"b\":2}" },
                { WIRE_OPENAI, 1, "ada", "{\"a\":1,\"b\":3}" },
        };
        uint8_t one[CACHE_KEY_SIZE], other[CACHE_KEY_SIZE];

        body_key(WIRE_OPENAI, 1, "ada", "{\"a\":1,\"b\":2}", one);
        body_key(WIRE_OPENAI, 1, "ada", "{ \"b\": 2.0, \"a\": 1 }", other);
        cr_expect_arr_eq(one, other, CACHE_KEY_SIZE);
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
                body_key(others[i].api, others[i].key, others[i].user, others[i].text, other);
                cr_expect_arr_neq(one, other, CACHE_KEY_SIZE, "%zu", i);
        }
}

Test(provider_cache, an_entry_lasts_until_its_time) {
        Cache *c;

        cr_assert_eq(cache_new(&c), 0);
        put(c, 1, 10, 5 * S);
        cr_expect(has(c, 1, (5 * S) - 1));
        cr_expect_not(has(c, 2, S));
        cr_expect_not(has(c, 1, 5 * S));
        cr_expect_not(has(c, 1, S)); /* it is gone for good */
        put(c, 1, 10, 5 * S);
        put(c, 1, 20, 9 * S); /* takes the place of the other */
        cr_expect(has(c, 1, 8 * S));
        cache_free(c);
}

Test(provider_cache, what_was_not_asked_for_longest_goes) {
        Cache *c;

        cr_assert_eq(cache_new(&c), 0);
        for (uint32_t n = 0; n < CACHE_ENTRIES_MAX; n++)
                put(c, n, 1, 5 * S);
        cr_expect(has(c, 0, S));
        put(c, CACHE_ENTRIES_MAX, 1, 5 * S);
        cr_expect(has(c, 0, S));
        cr_expect_not(has(c, 1, S));
        cache_free(c);
}

Test(provider_cache, its_bytes_are_limited) {
        uint8_t key[CACHE_KEY_SIZE] = {};
        Answer *large = answer(CACHE_ENTRY_MAX + 1);
        uint32_t n, fits = CACHE_BYTES_MAX / CACHE_ENTRY_MAX;
        Cache *c;

        cr_assert_eq(cache_new(&c), 0);
        cr_expect_eq(cache_put(c, key, large, S), -EFBIG);
        answer_unref(large);
        for (n = 0; n <= fits; n++)
                put(c, n, CACHE_ENTRY_MAX, 5 * S);
        cr_expect_not(has(c, 0, S));
        for (n = 1; n <= fits; n++)
                cr_expect(has(c, n, S));
        cache_free(c);
}
