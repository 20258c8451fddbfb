/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "metricsd/history/pack.h"

/* The same at each run. */
static uint64_t seed = 20260131;

static uint64_t next_random(void) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed;
}

static Packer *packer;

static void set_up(void) {
        cr_assert_eq(packer_new(&packer), 0);
}

static void tear_down(void) {
        packer = packer_free(packer);
}

TestSuite(history_pack, .init = set_up, .fini = tear_down);

/* There and back; how many bytes it took. */
static size_t round_trip(const int64_t *numbers, size_t n) {
        static int64_t back[PACK_MAX];
        uint8_t copy[PACK_MAX * 16];
        const uint8_t *data;
        size_t size;

        cr_assert_eq(pack(packer, numbers, n, &data, &size), 0);
        memcpy(copy, data, size); /* unpacking uses the packer too */
        memset(back, 0x55, sizeof(back));
        cr_assert_eq(unpack(packer, copy, size, back, n), 0, "%zu numbers, %zu bytes", n, size);
        cr_assert_arr_eq(back, numbers, n * sizeof(int64_t));
        return size;
}

Test(history_pack, none) {
        int64_t number = 0;

        cr_expect_eq(round_trip(&number, 0), 0);
        cr_expect_eq(unpack(packer, "", 0, &number, 1), -EBADMSG);
        cr_expect_eq(unpack(packer, "\0", 1, &number, 0), -EBADMSG);
}

Test(history_pack, one) {
        static const int64_t some[] = { 0, 1, -1, 63, 64, -64, -65, INT32_MIN, INT64_MAX, INT64_MIN + 1, PACK_GAP };

        for (size_t i = 0; i < ELEMENTSOF(some); i++)
                cr_expect_leq(round_trip(&some[i], 1), 12);
}

Test(history_pack, a_constant_is_a_few_bytes) {
        static int64_t numbers[PACK_MAX];

        for (size_t i = 0; i < PACK_MAX; i++)
                numbers[i] = 123456789;
        cr_expect_leq(round_trip(numbers, PACK_MAX), 16);
        cr_expect_leq(round_trip(numbers, 720), 16);
}

Test(history_pack, a_counter_is_a_few_bytes) {
        static int64_t numbers[720];

        for (int64_t i = 0; i < 720; i++)
                numbers[i] = 1000000 + 2 * i;
        cr_expect_leq(round_trip(numbers, 720), 16);
}

Test(history_pack, extremes) {
        static int64_t numbers[PACK_MAX];

        for (size_t i = 0; i < PACK_MAX; i++)
                numbers[i] = i % 2 == 0 ? INT64_MAX : INT64_MIN + 1;
        round_trip(numbers, PACK_MAX);
        for (size_t i = 0; i < PACK_MAX; i++)
                numbers[i] = i % 3 == 0 ? INT64_MAX : i % 3 == 1 ? 0 : INT64_MIN + 1;
        round_trip(numbers, PACK_MAX);
}

Test(history_pack, gaps) {
        static int64_t numbers[PACK_MAX];

        for (size_t i = 0; i < PACK_MAX; i++)
                numbers[i] = PACK_GAP;
        cr_expect_leq(round_trip(numbers, PACK_MAX), 8);
        numbers[0] = 5;
        round_trip(numbers, PACK_MAX);
        numbers[PACK_MAX - 1] = 5;
        round_trip(numbers, PACK_MAX);
        numbers[0] = PACK_GAP;
        round_trip(numbers, PACK_MAX);
        for (size_t i = 0; i < PACK_MAX; i++)
                numbers[i] = i % 2 == 0 ? PACK_GAP : (int64_t) i;
        round_trip(numbers, PACK_MAX);
        for (size_t i = 0; i < PACK_MAX; i++)
                numbers[i] = i % 2 == 1 ? PACK_GAP : 7;
        round_trip(numbers, PACK_MAX);
}

/* Every mixture of runs, noise of every size, and gaps. */
Test(history_pack, whatever) {
        static int64_t numbers[PACK_MAX];

        for (int round = 0; round < 300; round++) {
                size_t n = 1 + next_random() % (round % 10 == 0 ? PACK_MAX : 100), i = 0;

                while (i < n) {
                        size_t run = 1 + next_random() % 70;
                        unsigned bits = next_random() % 64, kind = next_random() % 4;
                        int64_t number = (int64_t) (next_random() >> bits);

                        for (; run > 0 && i < n; run--, i++)
                                numbers[i] = kind == 0 ? PACK_GAP
                                        : kind == 1      ? number
                                        : kind == 2      ? (int64_t) (next_random() >> bits)
                                                         : number + (int64_t) (i % 5);
                }
                round_trip(numbers, n);
        }
}

Test(history_pack, too_many) {
        static int64_t numbers[PACK_MAX + 1];
        const uint8_t *data;
        size_t size;

        cr_expect_eq(pack(packer, numbers, PACK_MAX + 1, &data, &size), -E2BIG);
        cr_expect_eq(unpack(packer, "\0\2\2", 3, numbers, PACK_MAX + 1), -E2BIG);
}

/* What deflate does not shrink, or what it does; how many numbers. */
static size_t make_sample(int64_t *numbers, bool noise, uint8_t *copy, size_t *ret_size) {
        size_t n = noise ? 20 : 200;
        const uint8_t *data;

        for (size_t i = 0; i < n; i++)
                numbers[i] = i % 50 == 7 ? PACK_GAP : noise ? (int64_t) next_random() >> 1 : (int64_t) (i % 7);
        cr_assert_eq(pack(packer, numbers, n, &data, ret_size), 0);
        cr_assert_eq(data[0], noise ? 2 : 3);
        memcpy(copy, data, *ret_size);
        return n;
}

Test(history_pack, what_is_cut_off_or_too_long) {
        static int64_t numbers[200], back[201];
        uint8_t copy[200 * 16];

        for (int noise = 0; noise < 2; noise++) {
                size_t size, n = make_sample(numbers, noise, copy, &size);

                for (size_t cut = 0; cut < size; cut++)
                        cr_expect_eq(unpack(packer, copy, cut, back, n), -EBADMSG, "cut at %zu of %zu", cut, size);
                copy[size] = 0;
                cr_expect_eq(unpack(packer, copy, size + 1, back, n), -EBADMSG);
                cr_expect_eq(unpack(packer, copy, size, back, n - 1), -EBADMSG);
                cr_expect_eq(unpack(packer, copy, size, back, n + 1), -EBADMSG);
                cr_expect_eq(unpack(packer, copy, size, back, n), 0);
        }
}

static void expect_bad(const char *what, const char *data, size_t size, size_t n) {
        int64_t numbers[16];

        cr_expect_eq(unpack(packer, data, size, numbers, n), -EBADMSG, "%s", what);
}

Test(history_pack, what_no_packer_writes) {
        expect_bad("a bit of the head that means nothing", "\4\2\2", 3, 1);
        expect_bad("no tokens", "\0", 1, 1);
        expect_bad("a token of none", "\0\0\2\2", 4, 1);
        expect_bad("a run of none", "\0\1\2\2\2", 5, 1);
        expect_bad("a token of more than there are", "\0\4\2\2", 4, 1);
        expect_bad("a run of more than there are", "\0\5\2", 3, 1);
        expect_bad("a count that wraps", "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2", 12, 2);
        expect_bad("a varint of 65 bits", "\0\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 12, 1);
        expect_bad("a varint of eleven bytes", "\0\2\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", 13, 1);
        expect_bad("a number that means a gap", "\0\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 12, 1);
        expect_bad("gaps that are more than there are", "\2\1\2\2\2", 5, 2);
        expect_bad("a gap of none", "\2\1\0\1\2\2\2", 7, 2);
        expect_bad("nothing deflated", "\1", 1, 1);
        expect_bad("a deflated block of a kind that is none", "\1\7\0", 3, 1);
}

/* The sanitizers and valgrind say whether anything else is touched. */
Test(history_pack, any_bytes_at_all) {
        static int64_t numbers[200], back[PACK_MAX];
        uint8_t copy[200 * 16];

        for (int round = 0; round < 4000; round++) {
                size_t size = 1 + next_random() % 64, n = next_random() % 100;
                int r;

                for (size_t i = 0; i < size; i++)
                        copy[i] = (uint8_t) next_random();
                copy[0] &= 3;
                r = unpack(packer, copy, size, back, n);
                cr_assert(r == 0 || r == -EBADMSG, "%d", r);
        }
        for (int round = 0; round < 4000; round++) {
                size_t size, n = make_sample(numbers, round % 2, copy, &size);
                int r;

                for (int i = 0; i < 1 + round % 3; i++)
                        copy[next_random() % size] ^= (uint8_t) (1 << next_random() % 8);
                r = unpack(packer, copy, size, back, n);
                cr_assert(r == 0 || r == -EBADMSG, "%d", r);
        }
}
