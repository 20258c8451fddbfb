/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "../../metricsd/journal/fingerprint.h"
#include "../../metricsd/journal/line.h"
#include "../../metricsd/journal/mask.h"
#include "../../metricsd/journal/text.h"
#include "basic/string-util.h"

static const struct {
        const char *message, *masked;
} masks[] = {
        /* numbers */
        { "took 15 ms", "took * ms" },
        { "took 15ms", "took *" },
        { "took 1.5s, of 2min at most", "took *, of * at most" },
        { "offset -1.25 of 10,000 (12%)", "offset * of * (*)" },
        { "a range of 1-5 and a-5", "a range of * and a-*" },
        { "retry 3/10", "retry *" },
        { "pid=123: exit code 0x7f12ab", "pid=*: exit code *" },
        { "at 2026-01-31T08:15:30.123Z", "at *" },
        { "at 2026-01-31 08:15:30+01:00", "at * *" },
        { "the 3rd worker12 of x86", "the *rd worker* of x*" },
        { "1", "*" },
        { "", "" },
        /* ids */
        { "run 6dc0d1fc-9e7a-4389-a24a-c86bf4f77156 ended", "run * ended" },
        { "run 6dc0d1fc9e7a4389a24ac86bf4f77156 ended", "run * ended" },
        { "request req-7f3a9c21 failed", "request req-* failed" },
        { "session a8Zk3p2 is gone", "session * is gone" },
        { "a decade of facade, deadbeef", "a decade of facade, deadbeef" }, /* words, whatever their letters */
        /* addresses */
        { "127.0.0.1:3001 refused", "* refused" },
        { "10.1.2.3 refused.", "* refused." },
        { "[::1]:3001 refused", "* refused" },
        { "from fe80::1%eth0: nothing", "from *: nothing" },
        { "aa:bb:cc:dd:ee:ff is down", "* is down" },
        { "mail to joe.doe+x@example.org.", "mail to *." },
        { "std::vector: bad alloc", "std::vector: bad alloc" },
        { "error: bad", "error: bad" },
        /* paths */
        { "cannot open /tmp/x17.sock: gone", "cannot open /tmp/*: gone" },
        { "cannot open /etc/tooloo/rules.json.", "cannot open /etc/tooloo/rules.json." },
        { "GET /api/v1/users/1234/items?page=3&size=10 failed", "GET /api/v1/users/*/items?* failed" },
        { "http://127.0.0.1:3001/health", "http://*:*/health" },
        { "/proc/4711/fd", "/proc/*/fd" },
        { "this and/or that", "this and/or that" },
        /* quotes */
        { "no column 'name' in \"users\"", "no column '*' in \"*\"" },
        { "it doesn't say `why`", "it doesn't say `*`" },
        { "the users' files aren't there", "the users' files aren't there" },
        { "an 'open end", "an 'open end" },
        { "an empty '' stays", "an empty '' stays" },
        /* the rest */
        { "two   blanks", "two blanks" },
        { "größer: 5 µs", "größer: * µs" },
        { "größer: 5µs", "größer: *" },
        { "日本語 42", "日本語 *" },
        { "* is * already", "* is * already" },
        { "12 34", "* *" },
};

Test(journal_mask, table) {
        char masked[300];

        for (size_t i = 0; i < ELEMENTSOF(masks); i++) {
                size_t n = message_mask(masks[i].message, strlen(masks[i].message), masked);

                cr_expect_str_eq(masked, masks[i].masked, "\"%s\" becomes \"%s\" and not \"%s\"", masks[i].message, masked,
                                 masks[i].masked);
                cr_expect_eq(n, strlen(masked));
        }
}

/* Whatever comes: no more room is used than promised, and what lies behind the text is not looked at. */
Test(journal_mask, any_text) {
        static const char alphabet[] = "a1/'\"`.:-*@ [%?=x\xc3\xa4 Z9";
        unsigned seed = 1;

        for (unsigned n = 0; n < 20000; n++) {
                size_t size = n % 40;
                char *message = malloc(size + 1), *masked = malloc(size + 1); /* just so much, for AddressSanitizer */

                for (size_t i = 0; i < size; i++) {
                        seed = seed * 1664525 + 1013904223;
                        message[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
                }
                cr_assert_leq(message_mask(message, size, masked), size);
                free(message);
                free(masked);
        }
}

static uint64_t of(const char *message, const char *message_id, const char *code_func) {
        static FingerprintText masked;

        return journal_fingerprint(
                &(JournalLine) { .message = message, .message_id = message_id, .code_func = code_func }, masked);
}

Test(journal_fingerprint, same) {
        static const char *const pairs[][2] = {
                { "cannot open /tmp/x1.sock", "cannot open /tmp/x22.sock" },
                { "worker 1 died after 0.5s", "worker 12 died after 3min" },
                { "[::1]:3001: no answer", "127.0.0.1:3002: no answer" },
                { "job 6dc0d1fc9e7a4389 failed", "job 07c9e1aa54f0b3d2 failed" },
                { "key 'a b' is missing", "key 'c' is missing" },
        };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++)
                cr_expect_eq(of(pairs[i][0], NULL, NULL), of(pairs[i][1], NULL, NULL), "%s | %s", pairs[i][0], pairs[i][1]);
}

Test(journal_fingerprint, different) {
        cr_expect_neq(of("cannot open it", NULL, NULL), of("cannot read it", NULL, NULL));
        cr_expect_neq(of("x", "a596d6fe7bfa4994828e72309e95d61e", NULL), of("x", NULL, NULL));
        cr_expect_neq(of("x", NULL, "main"), of("x", NULL, "serve"));
        cr_expect_neq(of("x", "main", NULL), of("x", NULL, "main"), "a value says nothing without its field");
        cr_expect_neq(of("x", "a", "b"), of("x", "ab", ""));
        cr_expect_neq(of("GET /api/v1/users", NULL, NULL), of("GET /api/v2/users", NULL, NULL));
        cr_expect_neq(of("日本", NULL, NULL), of("日木", NULL, NULL));
}

/* It stands in databases: should this fail, what was counted before is found no more. */
Test(journal_fingerprint, for_good) {
        cr_expect_eq(of("cannot open /tmp/x1.sock: error 5", NULL, NULL), UINT64_C(0x9e4981390d08f62f));
        cr_expect_eq(of("", NULL, NULL), of("", "", ""));
}

Test(journal_fingerprint, long_message) {
        static char text[JOURNAL_MESSAGE_MAX * 16 + 1];
        uint64_t fingerprint;

        for (size_t i = 0; i + 1 < sizeof(text); i++)
                text[i] = "word 17 "[i % 8];
        cr_expect_eq(strlen(text), 65536);
        fingerprint = of(text, NULL, NULL);
        text[sizeof(text) - 2] = 'x'; /* beyond what is looked at */
        cr_expect_eq(of(text, NULL, NULL), fingerprint);
        text[0] = 'W';
        cr_expect_neq(of(text, NULL, NULL), fingerprint);
        (void) memset(text, 'a', sizeof(text) - 1); /* one word of all of it */
        cr_expect_neq(of(text, NULL, NULL), fingerprint);
}

static const struct {
        const char *text;
        size_t size;
        const char *clean;
} texts[] = {
#define TEXT(s) (s), sizeof(s) - 1
        { TEXT("plain"), "plain" },
        { TEXT("two\nlines\tand a tab \n"), "two lines and a tab" },
        { TEXT("nul\0inside"), "nul inside" },
        { TEXT("caf\xc3\xa9"), "café" },
        { TEXT("latin1 caf\xe9!"), "latin1 caf?!" },
        { TEXT("\xff\xfe\x00\x01z"), "??  z" },
        { TEXT("cut \xe6\x97"), "cut ??" },
        { TEXT("c1 \xc2\x9b" "31m"), "c1   31m" },
        { TEXT("\x1b[31mred\x7f"), " [31mred" },
        { TEXT(""), "" },
};

Test(journal_text, clean) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char *copy = malloc(texts[i].size + 1);

                (void) memcpy(copy, texts[i].text, texts[i].size);
                cr_expect_eq(text_clean(copy, texts[i].size), strlen(texts[i].clean));
                cr_expect_str_eq(copy, texts[i].clean);
                free(copy);
        }
}

static const struct {
        const char *a, *b;
        bool copy;
} cursors[] = {
        { "s=50826f4e;i=2512;b=632c;m=667232589;t=660eb2c8f262d;x=f85d",
          "s=50826f4e;i=2513;b=632c;m=667232589;t=660eb2c8f262d;x=f85d",
          true },
        { "s=50826f4e;i=2512;b=632c;m=667232589;t=660eb2c8f262d;x=f85d",
          "s=50826f4e;i=2513;b=632c;m=667232589;t=660eb2c8f262d;x=f85e",
          false },
        { "s=50826f4e;i=2512;b=632c;m=667232589;t=660eb2c8f262d;x=f85d",
          "s=50826f4e;i=2513;b=632c;m=66723258a;t=660eb2c8f262e;x=f85d",
          false },
        { "s=50826f4e;i=2512;b=632c;m=1;t=2;x=3", "s=50826f4e;i=2512;b=632c;m=1;t=2;x=3", false }, /* itself */
        { "another form", "another form yet", false },
};

Test(journal_line, copies) {
        for (size_t i = 0; i < ELEMENTSOF(cursors); i++)
                cr_expect_eq(journal_line_is_copy(cursors[i].a, cursors[i].b), cursors[i].copy, "%s", cursors[i].b);
}
