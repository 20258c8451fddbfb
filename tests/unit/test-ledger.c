/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "ledger/schema.h"

TestSuite(ledger, .init = ledger_set_up, .fini = ledger_tear_down);

/* What is logged goes to a file; how many lines it has. */
static size_t count_lines(const char *path) {
        _cleanup_(freep) char *text = NULL;
        size_t n = 0;

        (void) fflush(stderr);
        cr_assert_eq(read_file(path, 1 << 20, &text, NULL), 0);
        for (const char *c = text; *c; c++)
                n += *c == '\n';
        return n;
}

Test(ledger, is_made_for_its_user_alone_in_the_mode_that_readers_need) {
        struct stat st;

        cr_assert_eq(stat("ledger.db", &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        cr_expect_str_eq(ask_text("PRAGMA journal_mode"), "wal");
        cr_expect_eq(ask("PRAGMA synchronous"), 1);
        cr_expect_eq(ask("PRAGMA user_version"), (int64_t) n_ledger_migrations);
        cr_expect_eq(ask("PRAGMA foreign_keys"), 1);
}

Test(ledger, makes_its_directory_and_what_is_there_stays) {
        int64_t id;
        Ledger *l = NULL;

        id = add_request(0, NULL);
        ledger_reopen();
        cr_expect_eq(add_request(0, NULL), id + 1);

        cr_expect_eq(ledger_open("below/it", LEDGER_READ, &l), -ENOENT);
        cr_expect_null(l);
        cr_assert_eq(ledger_open("below/it", LEDGER_WRITE, &l), 0);
        l = ledger_free(l);
        cr_expect_eq(unlink("below/it/ledger.db"), 0);
        cr_expect_eq(rmdir("below/it"), 0);
        cr_expect_eq(rmdir("below"), 0);
}

Test(ledger, a_reader_reads_and_cannot_write) {
        LedgerRequest request = a_request();
        LedgerLimit limit = {};
        Ledger *l = NULL;
        int64_t id = 7;

        cr_assert_eq(reserve(add_request(0, NULL), 1, 5), 0);
        cr_assert_eq(ledger_open(top, LEDGER_READ, &l), 0);
        cr_expect_eq(ledger_add_request(l, &request, &id), -EROFS);
        cr_expect_eq(ledger_begin(l), -EROFS);
        cr_expect_eq(ledger_rebuild(l), -EROFS);
        cr_expect_eq(id, 7);
        cr_assert_eq(ledger_usage(l, "total", "", "day", BEGIN, &limit), 0);
        cr_expect_eq(limit.reserved, 5);
        l = ledger_free(l);
}

Test(ledger, a_reader_of_a_file_that_is_only_just_being_made_finds_none) {
        Ledger *l = NULL;
        int fd;

        cr_assert_eq(mkdir("new", 0700), 0);
        fd = open("new/ledger.db", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert(fd >= 0);
        cr_expect_eq(close(fd), 0);
        cr_expect_eq(ledger_open("new", LEDGER_READ, &l), -ENOENT);
        cr_expect_eq(unlink("new/ledger.db"), 0);
        cr_expect_eq(rmdir("new"), 0);
}

Test(ledger, one_of_a_newer_version_is_refused_in_one_line_and_not_touched) {
        _cleanup_(freep) char *before = NULL, *after = NULL;
        size_t n_before, n_after, lines;
        Ledger *l = NULL;

        (void) add_request(0, NULL);
        execute("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
        ledger = ledger_free(ledger);
        cr_assert_eq(read_file("ledger.db", 1 << 24, &before, &n_before), 0);
        cr_assert(freopen("log", "a", stderr));
        for (LedgerMode mode = LEDGER_WRITE; mode <= LEDGER_READ; mode++) {
                lines = count_lines("log");
                cr_expect_eq(ledger_open(top, mode, &l), -EPROTONOSUPPORT);
                cr_expect_null(l);
                cr_expect_eq(count_lines("log"), lines + 1);
        }
        cr_assert_eq(read_file("ledger.db", 1 << 24, &after, &n_after), 0);
        cr_expect_eq(n_before, n_after);
        cr_expect_eq(memcmp(before, after, n_before), 0);
}

/* What lies in the WAL is the newer version's to write back. */
Test(ledger, one_of_a_newer_version_that_was_killed_is_not_touched_either) {
        _cleanup_(freep) char *before = NULL, *after = NULL;
        size_t n_before, n_after;
        Ledger *l = NULL;

        cr_assert_eq(mkdir("killed", 0700), 0);
        execute("PRAGMA user_version = 99");
        cr_assert_eq(copy_file_new("ledger.db", "killed/ledger.db", 0600), 0);
        cr_assert_eq(copy_file_new("ledger.db-wal", "killed/ledger.db-wal", 0600), 0);
        cr_assert_eq(read_file("killed/ledger.db", 1 << 24, &before, &n_before), 0);
        cr_assert(freopen("log", "a", stderr));
        cr_expect_eq(ledger_open("killed", LEDGER_WRITE, &l), -EPROTONOSUPPORT);
        cr_assert_eq(read_file("killed/ledger.db", 1 << 24, &after, &n_after), 0);
        cr_expect_eq(n_before, n_after);
        cr_expect_eq(memcmp(before, after, n_before), 0);
        cr_expect_eq(unlink("killed/ledger.db"), 0);
        cr_expect_eq(unlink("killed/ledger.db-wal"), 0);
        (void) unlink("killed/ledger.db-shm");
        cr_expect_eq(rmdir("killed"), 0);
}

Test(ledger, what_is_none_of_ours_is_left_alone) {
        Ledger *l = NULL;
        sqlite3 *db;

        ledger = ledger_free(ledger);
        cr_assert_eq(unlink("ledger.db"), 0);
        cr_assert_eq(sqlite3_open("ledger.db", &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
        cr_expect_eq(ledger_open(top, LEDGER_WRITE, &l), -EBADMSG);

        cr_assert_eq(write_file_atomic("ledger.db", "no database at all, but long enough to be looked at", 51, 0600), 0);
        cr_expect_eq(ledger_open(top, LEDGER_WRITE, &l), -EBADMSG);
        cr_expect_eq(ledger_open(top, LEDGER_READ, &l), -EBADMSG);
        cr_expect_null(l);
}

Test(ledger, a_transaction_is_kept_or_lost_as_one) {
        int64_t request;

        cr_assert_eq(ledger_begin(ledger), 0);
        cr_expect_eq(ledger_begin(ledger), -EBUSY);
        request = add_request(0, NULL);
        cr_assert_eq(reserve(request, 1, 5), 0);
        ledger_rollback(ledger);
        cr_expect_eq(ask("SELECT count(*) FROM request"), 0);
        cr_expect_eq(ask("SELECT count(*) FROM spent"), 0);
        cr_expect_eq(ledger_commit(ledger), -EINVAL);
        ledger_rollback(ledger);

        cr_assert_eq(ledger_begin(ledger), 0);
        request = add_request(0, NULL);
        cr_assert_eq(reserve(request, 1, 5), 0);
        cr_assert_eq(ledger_commit(ledger), 0);
        cr_expect_eq(usage("total", "", "day", BEGIN).reserved, 5);
}

Test(ledger, what_is_refused_within_a_transaction_does_not_end_it) {
        int64_t request, id = 0;
        LedgerRequest bad = a_request();

        set_limit("total", "", "day", 10);
        bad.key = 99;
        cr_assert_eq(ledger_begin(ledger), 0);
        request = add_request(0, NULL);
        cr_expect_eq(reserve(request, 1, 11), -EDQUOT);
        cr_expect_eq(reserve(request + 1, 1, 1), -ESRCH);
        cr_expect_eq(reserve(request, 1, -1), -EINVAL);
        cr_expect_eq(reserve(request, 1, 10), 0);
        cr_expect_eq(reserve(request, 1, 0), -EEXIST);
        cr_expect_eq(ledger_add_request(ledger, &bad, &id), -ESRCH);
        cr_expect_eq(settle(request, 1, 10), 0);
        cr_expect_eq(settle(request, 1, 10), -EALREADY);
        cr_assert_eq(ledger_commit(ledger), 0);
        cr_expect_eq(usage("total", "", "day", BEGIN).settled, 10);
        cr_expect_eq(id, 0);
}

/* A trigger stands for the disk that fails in the middle. */
Test(ledger, what_fails_within_a_transaction_fails_all_of_it) {
        LedgerRequest request = a_request();
        int64_t first, id = 0;

        execute("CREATE TRIGGER broken BEFORE INSERT ON reservation BEGIN SELECT no_such_function(); END");
        first = add_request(0, NULL);
        cr_assert_eq(ledger_begin(ledger), 0);
        (void) add_request(0, NULL);
        cr_expect_eq(reserve(first, 1, 5), -EBADMSG);
        cr_expect_eq(ledger_add_request(ledger, &request, &id), -EBADMSG);
        cr_expect_eq(ledger_commit(ledger), -EBADMSG);
        cr_expect_eq(ask("SELECT count(*) FROM request"), 1);
        cr_expect_eq(ask("SELECT count(*) FROM attempt"), 0);

        /* Alone, too: the attempt was written before its reservation failed. */
        cr_expect_eq(reserve(first, 1, 5), -EBADMSG);
        cr_expect_eq(ask("SELECT count(*) FROM attempt"), 0);
        execute("DROP TRIGGER broken");
        cr_expect_eq(reserve(first, 1, 5), 0);
}

Test(ledger, a_writer_that_does_not_end_is_waited_for_and_then_told_of) {
        LedgerRequest request = a_request();
        Ledger *l = NULL;
        int64_t id = 0;

        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &l), 0);
        cr_assert_eq(ledger_begin(l), 0);
        cr_expect_eq(ledger_add_request(ledger, &request, &id), -EBUSY);
        cr_expect_eq(id, 0);
        cr_assert_eq(ledger_add_request(l, &request, &id), 0);
        cr_assert_eq(ledger_commit(l), 0);
        cr_expect_eq(ledger_add_request(ledger, &request, &id), 0);
        l = ledger_free(l);
}

Test(ledger, a_request_is_one_row) {
        LedgerRequest request = a_request();
        int64_t id = 0, child = 0;

        request.user = "ada";
        request.session = "s1";
        request.intent = "chat";
        request.stream = true;
        cr_assert_eq(ledger_add_request(ledger, &request, &id), 0);
        request.parent = id;
        request.cache = "hit";
        cr_assert_eq(ledger_add_request(ledger, &request, &child), 0);
        cr_expect_str_eq(ask_text("SELECT group_concat(quote(name) || at || api || ifnull(key, '-') || user || session || "
                                  "intent || ifnull(parent, '-') || source || cache || stream || ifnull(status, '-') || "
                                  "ifnull(ended, '-'), ' ') FROM request"),
                         "'r1'1764411240000000openai-adas1chat-v1none1-- 'r1'1764411240000000openai-adas1chat1v1hit1--");
        cr_expect_eq(ledger_end_request(ledger, id, 499, BEGIN + 1), 0);
        cr_expect_eq(ledger_end_request(ledger, id, 200, BEGIN + 2), -EALREADY);
        cr_expect_eq(ledger_end_request(ledger, child + 1, 200, BEGIN + 2), -ESRCH);
        cr_expect_str_eq(ask_text("SELECT status || ' ' || ended FROM request WHERE id = 1"), "499 1764411240000001");
        cr_expect_eq(ask("SELECT count(*) FROM request WHERE ended IS NOT NULL"), 1);
}

Test(ledger, what_no_request_can_be_is_refused) {
        char longest[LEDGER_NAME_MAX + 1], longer[LEDGER_NAME_MAX + 2];
        int64_t id = 0;

        memset(longest, 'x', sizeof(longest));
        memset(longer, 'x', sizeof(longer));
        longest[LEDGER_NAME_MAX] = longer[LEDGER_NAME_MAX + 1] = '\0';
#define EXPECT_REFUSED(error, field, value)                                          \
        do {                                                                         \
                LedgerRequest request = a_request();                                 \
                request.field = value;                                               \
                cr_expect_eq(ledger_add_request(ledger, &request, &id), error, #field " = " #value); \
        } while (0)
        EXPECT_REFUSED(-EINVAL, name, NULL);
        EXPECT_REFUSED(-EINVAL, name, "");
        EXPECT_REFUSED(-EINVAL, name, longer);
        EXPECT_REFUSED(-EINVAL, api, NULL);
        EXPECT_REFUSED(-EINVAL, source, NULL);
        EXPECT_REFUSED(-EINVAL, cache, NULL);
        EXPECT_REFUSED(-EINVAL, cache, "stale");
        EXPECT_REFUSED(-EINVAL, user, longer);
        EXPECT_REFUSED(-EINVAL, user, "a\nb");
        EXPECT_REFUSED(-EINVAL, user, "a\x7f");
        EXPECT_REFUSED(-EINVAL, session, "\xc3");
        EXPECT_REFUSED(-EINVAL, intent, "");
        EXPECT_REFUSED(-EINVAL, key, -1);
        EXPECT_REFUSED(-EINVAL, parent, -1);
        EXPECT_REFUSED(-EINVAL, at, UINT64_C(253402300800000000));
        EXPECT_REFUSED(-EINVAL, at, UINT64_MAX);
        EXPECT_REFUSED(-ESRCH, key, 1);
        EXPECT_REFUSED(-ESRCH, parent, 1);
        cr_expect_eq(ask("SELECT count(*) FROM request"), 0);
        EXPECT_REFUSED(0, user, longest);
        EXPECT_REFUSED(0, user, "J\xc3\xbcrgen");
        EXPECT_REFUSED(0, at, UINT64_C(253402300799999999));
        cr_expect_eq(ledger_end_request(ledger, 1, 200, UINT64_MAX), -EINVAL);
        cr_expect_eq(ask("SELECT count(*) FROM request WHERE ended IS NULL"), 3);
}

Test(ledger, an_event_is_one_row_and_its_detail_is_json) {
        _cleanup_(freep) char *detail = malloc(LEDGER_DETAIL_MAX + 2);
        int64_t id = 0, second = 0;

        cr_assert(detail);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ada", "vote", "{\"a\":1}", &id), 0);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ada", "vote", NULL, &second), 0);
        cr_expect_eq(second, id + 1);
        cr_expect_str_eq(ask_text("SELECT at || user || kind || detail FROM event"), "1764411240000000adavote{\"a\":1}");
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ada", "vote", "{\"a\":", &id), -EINVAL);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ada", "", NULL, &id), -EINVAL);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, NULL, "vote", NULL, &id), -EINVAL);
        cr_expect_eq(ledger_add_event(ledger, UINT64_MAX, "ada", "vote", NULL, &id), -EINVAL);
        memset(detail, ' ', LEDGER_DETAIL_MAX + 1);
        detail[0] = '1';
        detail[LEDGER_DETAIL_MAX + 1] = '\0';
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ada", "vote", detail, &id), -EFBIG);
        cr_expect_eq(ask("SELECT count(*) FROM event"), 2);
        cr_expect_eq(id, 1);
        detail[LEDGER_DETAIL_MAX] = '\0';
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ada", "vote", detail, &id), 0);
}

static void expect_directory(const char *value, const char *expected) {
        _cleanup_(freep) char *directory = NULL;

        cr_assert_eq(value ? setenv("STATE_DIRECTORY", value, 1) : unsetenv("STATE_DIRECTORY"), 0);
        directory = ledger_directory_of_unit();
        cr_expect_str_eq(strna(directory), expected);
}

Test(ledger, a_badge_is_given_once_to_each_user) {
        int64_t id;

        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ann", "badge", "{\"badge\":\"regular\"}", &id), 0);
        cr_expect_eq(ledger_add_event(ledger, BEGIN + 1, "ann", "badge", "{\"badge\":\"regular\",\"value\":7}", &id), -EEXIST);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ann", "badge", "{\"badge\":\"explorer\"}", &id), 0);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "bob", "badge", "{\"badge\":\"regular\"}", &id), 0);
        cr_expect_eq(ledger_add_event(ledger, BEGIN, "ann", "vote", "{\"badge\":\"regular\"}", &id), 0);
        cr_expect_eq(ask("SELECT count(*) FROM event"), 4);
}

Test(ledger, a_setting_is_what_was_set_last_until_it_is_taken_away) {
        char text[LEDGER_SETTING_MAX + 2] = "", *value = (char *) "";

        cr_assert_eq(ledger_setting(ledger, LEDGER_SETTING_PREFERRED, &value), 0);
        cr_expect_null(value);
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_PREFERRED, "a"), 0);
        memset(text, 'x', LEDGER_SETTING_MAX);
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_PREFERRED, text), 0);
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_CRITICALITY, "low"), 0);
        ledger_reopen();
        cr_assert_eq(ledger_setting(ledger, LEDGER_SETTING_PREFERRED, &value), 0);
        cr_assert(value);
        cr_expect_str_eq(value, text);
        free(value);

        text[LEDGER_SETTING_MAX] = 'x';
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_PREFERRED, text), -EINVAL);
        cr_expect_eq(ledger_set_setting(ledger, text, "a"), -EINVAL);
        cr_expect_eq(ledger_set_setting(ledger, "", "a"), -EINVAL);
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_PREFERRED, ""), -EINVAL);
        cr_expect_eq(ask("SELECT count(*) FROM setting"), 2);
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_PREFERRED, NULL), 0);
        cr_expect_eq(ledger_set_setting(ledger, LEDGER_SETTING_PREFERRED, NULL), 0);
        cr_expect_eq(ask("SELECT count(*) FROM setting"), 1);
}

Test(ledger, a_unit_finds_the_directory_among_its_own) {
        expect_directory(NULL, "n/a");
        expect_directory("", "n/a");
        expect_directory("/s/tooloo-web", "n/a");
        expect_directory("/s/tooloo-ledger", "/s/tooloo-ledger");
        expect_directory("/s/tooloo-web:/s/tooloo-ledger", "/s/tooloo-ledger");
        expect_directory("/s/tooloo-ledger:/s/tooloo-web", "/s/tooloo-ledger");
        expect_directory("/s/my-tooloo-ledger:/s/tooloo-ledger2:/s/tooloo-ledger/x", "n/a");
}

static void expect_user_directory(int result, const char *expected) {
        _cleanup_(freep) char *directory = NULL, *path = str_printf("%s/%s", top, expected);

        cr_assert_eq(ledger_directory_of_user(&directory), result);
        cr_expect_str_eq(strna(directory), result < 0 ? "n/a" : path);
}

static void set_below_top(const char *variable, const char *path) {
        _cleanup_(freep) char *value = str_printf("%s/%s", top, path);

        cr_assert_eq(setenv(variable, value, 1), 0);
}

static void make(const char *path) {
        cr_assert_eq(mkdir_parents(path, 0700), 0);
}

Test(ledger, a_program_finds_the_directory_where_systemd_of_either_age_keeps_it) {
        static const char *const made[] = {
                "s/tooloo-ledger", "s", "c/tooloo-ledger", "c", ".local/state/tooloo-ledger", ".local/state", ".local",
                ".config/tooloo-ledger", ".config",
        };

        cr_assert_eq(setenv("HOME", top, 1), 0);
        cr_assert_eq(unsetenv("XDG_STATE_HOME") + unsetenv("XDG_CONFIG_HOME"), 0);
        expect_user_directory(-ENOENT, "");
        make(".config/tooloo-ledger");
        expect_user_directory(0, ".config/tooloo-ledger");
        make(".local/state/tooloo-ledger");
        expect_user_directory(0, ".local/state/tooloo-ledger");

        cr_assert_eq(setenv("XDG_STATE_HOME", "relative", 1), 0);
        expect_user_directory(0, ".local/state/tooloo-ledger");
        set_below_top("XDG_STATE_HOME", "s");
        set_below_top("XDG_CONFIG_HOME", "c");
        expect_user_directory(-ENOENT, "");
        make("c/tooloo-ledger");
        expect_user_directory(0, "c/tooloo-ledger");
        make("s/tooloo-ledger");
        expect_user_directory(0, "s/tooloo-ledger");
        for (size_t i = 0; i < ELEMENTSOF(made); i++)
                cr_expect_eq(rmdir(made[i]), 0, "%s", made[i]);
}
