/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/content.h"

TestSuite(ledger_content, .init = ledger_set_up, .fini = ledger_tear_down);

#define SECRET "the-words-that-are-over"

static Content *content;

static void open_it(void) {
        cr_assert_eq(content_open(top, LEDGER_WRITE, &content), 0);
}

static void close_it(void) {
        content = content_free(content);
}

static int add(int64_t request, const char *name, uint64_t expires, const char *answer) {
        return content_add(content, &(ContentEntry) {
                .request = request, .name = name, .at = BEGIN, .expires = expires, .prompt = "{\"q\":1}",
                .answer = answer, .answer_size = strlen(answer),
        });
}

typedef struct Found {
        size_t n, stop_after;
        int64_t requests[4];
        char answer[64];
} Found;

static int take(const ContentEntry *entry, void *userdata) {
        Found *found = userdata;

        cr_assert_lt(found->n, ELEMENTSOF(found->requests));
        cr_expect_str_eq(entry->prompt, "{\"q\":1}");
        cr_expect_eq(entry->at, BEGIN);
        found->requests[found->n++] = entry->request;
        (void) snprintf(found->answer, sizeof(found->answer), "%.*s", (int) entry->answer_size, (const char *) entry->answer);
        return found->n == found->stop_after ? -ECANCELED : 0;
}

static Found find(const char *id) {
        Found found = {};

        cr_assert_eq(content_tell(content, id, take, &found), 0);
        return found;
}

Test(ledger_content, what_is_added_is_found) {
        Found found = { .stop_after = 2 };

        open_it();
        cr_expect_eq(find(NULL).n, 0);
        cr_expect_eq(add(7, "seven", BEGIN + DAY, "an answer"), 0);
        cr_expect_eq(add(3, "twice", BEGIN + DAY, ""), 0);
        cr_expect_eq(add(9, "twice", BEGIN + DAY, "data: {}\n\n"), 0);
        cr_expect_eq(add(7, "again", BEGIN + DAY, "another"), -EEXIST);
        close_it();

        cr_assert_eq(content_open(top, LEDGER_READ, &content), 0);
        cr_expect_eq(find(NULL).n, 3);
        cr_expect_eq(find(NULL).requests[0], 3);
        cr_expect_str_eq(find("7").answer, "an answer");
        cr_expect_eq(find("seven").requests[0], 7);
        cr_expect_eq(find("twice").n, 2);
        cr_expect_str_eq(find("3").answer, "");
        cr_expect_eq(find("eight").n, 0);
        cr_expect_eq(content_tell(content, NULL, take, &found), -ECANCELED);
        cr_expect_eq(found.n, 2);
        cr_expect_eq(add(8, "eight", BEGIN + DAY, ""), -EROFS);
        close_it();
}

Test(ledger_content, limits_of_what_is_added) {
        open_it();
        cr_expect_eq(add(0, "none", BEGIN + DAY, ""), -EINVAL);
        cr_expect_eq(add(1, "late", UINT64_C(253402300800) * USEC_PER_SEC, ""), -EINVAL);
        cr_expect_eq(add(1, "last", (UINT64_C(253402300800) * USEC_PER_SEC) - 1, ""), 0);
        close_it();
}

static bool file_has(const char *text) {
        static char bytes[1 << 20];
        FILE *f = fopen("content.db", "re");
        size_t n;

        cr_assert(f);
        n = fread(bytes, 1, sizeof(bytes), f);
        (void) fclose(f);
        return memmem(bytes, n, text, strlen(text));
}

Test(ledger_content, what_is_over_is_gone_from_the_file) {
        uint64_t next = 0;

        open_it();
        cr_assert_eq(content_expire(content, BEGIN, &next), 0);
        cr_expect_eq(next, UINT64_MAX);
        cr_assert_eq(add(1, "short", BEGIN + MINUTE, SECRET), 0);
        cr_assert_eq(add(2, "long", BEGIN + DAY, "stays"), 0);
        cr_assert_eq(content_expire(content, BEGIN + MINUTE - 1, &next), 0);
        cr_expect_eq(next, BEGIN + MINUTE);
        cr_expect(file_has(SECRET));
        cr_assert_eq(content_expire(content, BEGIN + MINUTE, &next), 0);
        cr_expect_eq(next, BEGIN + DAY);
        cr_expect_eq(find(NULL).n, 1);
        cr_expect(!file_has(SECRET));
        cr_expect(file_has("stays"));
        close_it();
}

Test(ledger_content, the_file) {
        struct stat st;

        cr_expect_eq(content_open(top, LEDGER_READ, &content), -ENOENT);
        open_it();
        cr_assert_eq(stat("content.db", &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        close_it();
}

static void put(const char *text) {
        FILE *f = fopen("content.db", "we");

        cr_assert(f);
        (void) fputs(text, f);
        cr_assert_eq(fclose(f), 0);
}

static void change_file(const char *sql) {
        sqlite3 *db;

        cr_assert_eq(sqlite3_open("content.db", &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

Test(ledger_content, files_that_are_none_of_ours) {
        put("This is no database, but a text that is long enough to be looked at as one.");
        cr_expect_eq(content_open(top, LEDGER_READ, &content), -EBADMSG);
        cr_expect_eq(content_open(top, LEDGER_WRITE, &content), -EBADMSG);
        put("");
        change_file("CREATE TABLE theirs (a)");
        cr_expect_eq(content_open(top, LEDGER_READ, &content), -EBADMSG);
        cr_expect_eq(content_open(top, LEDGER_WRITE, &content), -EBADMSG);
        put("");
        cr_expect_eq(content_open(top, LEDGER_READ, &content), -ENOENT);
        open_it(); /* an empty one is what is left of a start that was killed */
        close_it();
        change_file("PRAGMA user_version = 2");
        cr_expect_eq(content_open(top, LEDGER_READ, &content), -EPROTONOSUPPORT);
        cr_expect_eq(content_open(top, LEDGER_WRITE, &content), -EPROTONOSUPPORT);
}
