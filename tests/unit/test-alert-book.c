/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <json-c/json_tokener.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "metricsd/alert/book.h"
#include "metricsd/alert/field.h"

#define FILE_NAME "alert-rules.json"
#define MINUTE (60 * USEC_PER_SEC)

static char top[] = "/tmp/tooloo-alert-book-XXXXXX";
static const AlertTime now = { .monotonic = 1000 * MINUTE, .realtime = UINT64_C(1700000000) * USEC_PER_SEC };

static void set_up(void) {
        cr_assert(mkdtemp(top));
        cr_assert_eq(chdir(top), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void tear_down(void) {
        cr_assert_eq(nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

TestSuite(alert_book, .init = set_up, .fini = tear_down);

static AlertBook *open_book_at(const char *directory, AlertTime at) {
        AlertBook *book = NULL;
        AlertStore *store;

        cr_assert_eq(alert_store_new(directory, &store), 0);
        cr_assert_eq(alert_book_open(store, at, &book), 0);
        return book;
}

static AlertBook *open_book(void) {
        return open_book_at(top, now);
}

static AlertRule *make_rule(const char *id, double threshold) {
        AlertRule *rule = calloc(1, sizeof(AlertRule));

        rule->metric = METRIC_CPU;
        rule->action = ACTION_NOTIFY;
        rule->threshold = threshold;
        rule->enabled = true;
        rule->id = id ? strdup(id) : NULL;
        rule->description = strdup("");
        return rule;
}

static int put(AlertBook *book, const char *id, double threshold, const AlertRule **ret_rule) {
        _cleanup_(alert_rule_freep) AlertRule *rule = make_rule(id, threshold);
        const AlertRule *kept = NULL;
        int r = alert_book_put_rule(book, &rule, now, &kept);

        cr_expect_eq(r >= 0, rule == NULL);
        cr_expect_eq(r >= 0, kept != NULL);
        if (ret_rule)
                *ret_rule = kept;
        return r;
}

static int silence_for_an_hour(AlertBook *book, const AlertSilence **ret) {
        _cleanup_(alert_silence_freep) AlertSilence *silence = calloc(1, sizeof(AlertSilence));

        silence->reason = strdup("because");
        silence->created = now.realtime;
        silence->until = now.realtime + 60 * MINUTE;
        return alert_book_add_silence(book, &silence, now, ret);
}

/* How many files there are whose name begins so. */
static size_t count_files(const char *pattern) {
        glob_t found;
        size_t n;

        if (glob(pattern, 0, NULL, &found) != 0)
                return 0;
        n = found.gl_pathc;
        globfree(&found);
        return n;
}

Test(alert_book, a_first_start_has_the_defaults) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book(), *again = NULL;
        struct stat st;

        cr_expect_eq(book->n_rules, 3);
        cr_expect(alert_book_find_rule(book, "default-offline"));
        cr_assert_eq(stat(FILE_NAME, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0600);
        again = open_book();
        cr_expect_eq(again->n_rules, 3);
}

Test(alert_book, a_deleted_default_stays_deleted) {
        AlertBook *book = open_book();

        cr_assert_eq(alert_book_delete_rule(book, "default-offline", now), 0);
        cr_expect_eq(alert_book_delete_rule(book, "default-offline", now), -ENOENT);
        alert_book_free(book);
        book = open_book();
        cr_expect_eq(book->n_rules, 2);
        cr_expect_null(alert_book_find_rule(book, "default-offline"));
        alert_book_free(book);
}

Test(alert_book, a_rule_is_on_disk_when_put_returns) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book(), *again = NULL;

        cr_assert_eq(put(book, "mine", 5, NULL), 0);
        again = open_book();
        cr_assert(alert_book_find_rule(again, "mine"));
        cr_expect_eq(alert_book_find_rule(again, "mine")->threshold, 5);
        cr_expect_eq(count_files(".tmp-*"), 0);
}

Test(alert_book, a_rule_with_a_known_id_replaces_it) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();

        cr_assert_eq(put(book, "mine", 5, NULL), 0);
        cr_assert_eq(put(book, "mine", 6, NULL), 0);
        cr_expect_eq(book->n_rules, 4);
        cr_expect_eq(alert_book_find_rule(book, "mine")->threshold, 6);
}

Test(alert_book, ids_are_made_and_the_same_rule_is_kept_once) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        const AlertRule *first, *same, *other;

        cr_assert_eq(put(book, NULL, 5, &first), 0);
        cr_expect_str_eq(first->id, "service.cpu-notify");
        cr_assert_eq(put(book, NULL, 5, &same), 0);
        cr_expect_eq(first, same);
        cr_assert_eq(put(book, NULL, 6, &other), 0);
        cr_expect_str_eq(other->id, "service.cpu-notify-2");
        cr_expect_eq(book->n_rules, 5);
}

Test(alert_book, at_most_200_rules) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        char id[16];

        for (unsigned i = 0; book->n_rules < BOOK_RULES_MAX; i++) {
                (void) snprintf(id, sizeof(id), "r%u", i);
                cr_assert_eq(put(book, id, i, NULL), 0);
        }
        cr_expect_eq(put(book, "one-more", 1, NULL), -E2BIG);
        cr_expect_eq(put(book, NULL, -1, NULL), -E2BIG);
        cr_expect_eq(book->n_rules, BOOK_RULES_MAX);
        cr_expect_eq(put(book, "r0", 7, NULL), 0); /* in the place of another there is room */
}

/* A write beyond it fails as on a full disk, but for the number of the error. */
static void set_file_limit(rlim_t bytes) {
        cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit) { bytes, RLIM_INFINITY }), 0);
}

Test(alert_book, what_cannot_be_stored_changes_nothing) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book(), *again = NULL;
        const AlertSilence *silence;

        cr_assert_eq(put(book, "mine", 5, NULL), 0);
        cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        set_file_limit(10);
        cr_expect_eq(put(book, "mine", 6, NULL), -EFBIG);
        cr_expect_eq(put(book, "another", 6, NULL), -EFBIG);
        cr_expect_eq(alert_book_delete_rule(book, "default-offline", now), -EFBIG);
        cr_expect_eq(silence_for_an_hour(book, &silence), -EFBIG);
        cr_expect_eq(alert_book_delete_silence(book, "silence-1", now), -EFBIG);
        set_file_limit(RLIM_INFINITY);
        again = open_book();
        for (AlertBook *b = book;; b = again) {
                cr_expect_eq(b->n_rules, 4);
                cr_expect_str_eq(b->rules[1]->id, "default-offline");
                cr_expect_eq(alert_book_find_rule(b, "mine")->threshold, 5);
                cr_expect_eq(b->n_silences, 1);
                cr_expect_str_eq(b->silences[0]->id, "silence-1");
                if (b == again)
                        break;
        }
        cr_expect_eq(count_files(".tmp-*"), 0);
        cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        cr_expect_str_eq(silence->id, "silence-2");
}

Test(alert_book, without_a_directory_the_defaults_hold_in_memory) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book_at("/tmp/tooloo-no-such-directory", now);

        cr_expect_eq(book->n_rules, 3);
        cr_expect_eq(put(book, "mine", 5, NULL), -ENOENT);
        cr_expect_eq(book->n_rules, 3);
}

static const char *const unusable[] = {
        "",
        "{\"version\":1,\"rules\":[{\"id\":\"mine\",\"met", /* torn */
        "not json",
        "[]",
        "{}",
        "{\"version\":2,\"rules\":[],\"silences\":[],\"actions\":[]}",
        "{\"version\":1,\"rules\":{},\"silences\":[],\"actions\":[]}",
        "{\"version\":1,\"rules\":[{\"id\":\"mine\"}],\"silences\":[],\"actions\":[]}",
        "{\"version\":1,\"rules\":[5],\"silences\":[],\"actions\":[]}",
        "{\"version\":1,\"rules\":[],\"silences\":[{\"id\":\"s\"}],\"actions\":[]}",
        "{\"version\":1,\"rules\":[],\"silences\":[],\"actions\":[{\"service\":\"meta\"}]}",
        "{\"version\":1,\"rules\":[],\"silences\":[],\"actions\":[]} {}",
};

Test(alert_book, what_cannot_be_used_is_set_aside) {
        for (size_t i = 0; i < ELEMENTSOF(unusable); i++) {
                AlertBook *book;

                cr_assert_eq(write_file_atomic(FILE_NAME, unusable[i], strlen(unusable[i]), 0600), 0);
                book = open_book();
                cr_expect_eq(book->n_rules, 3, "%s", unusable[i]);
                cr_expect_eq(count_files(FILE_NAME ".unusable-*"), i + 1, "%s", unusable[i]);
                alert_book_free(book);
        }
}

Test(alert_book, what_is_set_aside_keeps_its_content) {
        glob_t found;

        cr_assert_eq(write_file_atomic(FILE_NAME, "mine", 4, 0600), 0);
        alert_book_free(open_book());
        cr_assert_eq(glob(FILE_NAME ".unusable-*", 0, NULL, &found), 0);
        cr_assert_eq(write_file_atomic("expected", "mine", 4, 0600), 0);
        cr_expect_eq(files_equal(found.gl_pathv[0], "expected"), 1);
        globfree(&found);
}

Test(alert_book, a_directory_in_its_place_is_set_aside) {
        _cleanup_(alert_book_freep) AlertBook *book = NULL;

        cr_assert_eq(mkdir(FILE_NAME, 0700), 0);
        book = open_book();
        cr_expect_eq(book->n_rules, 3);
        cr_expect_eq(put(book, "mine", 5, NULL), 0);
}

Test(alert_book, a_rule_outlives_its_service) {
        static const char text[] = "{\"version\":1,\"rules\":[{\"id\":\"mine\",\"metric\":\"service.cpu\",\"operator\":\">\","
                                   "\"threshold\":1,\"severity\":\"info\",\"action\":\"notify\",\"service\":\"long-gone\"}],"
                                   "\"silences\":[],\"actions\":[]}";
        _cleanup_(alert_book_freep) AlertBook *book = NULL;

        cr_assert_eq(write_file_atomic(FILE_NAME, text, strlen(text), 0600), 0);
        book = open_book();
        cr_assert_eq(book->n_rules, 1);
        cr_expect_str_eq(book->rules[0]->service, "long-gone");
}

Test(alert_book, silences_last_and_end) {
        AlertBook *book = open_book();
        const AlertSilence *silence;

        cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        alert_book_free(book);
        book = open_book();
        cr_assert_eq(book->n_silences, 1);
        cr_expect_str_eq(book->silences[0]->reason, "because");
        cr_expect_eq(book->silences[0]->until, now.realtime + 60 * MINUTE);
        cr_expect(alert_book_find_silence(book, "any", "meta", now.realtime + 60 * MINUTE - 1));
        cr_expect_null(alert_book_find_silence(book, "any", "meta", now.realtime + 60 * MINUTE));
        cr_assert_eq(alert_book_delete_silence(book, "silence-1", now), 0);
        cr_expect_eq(alert_book_delete_silence(book, "silence-1", now), -ENOENT);
        alert_book_free(book);
        book = open_book();
        cr_expect_eq(book->n_silences, 0);
        cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        cr_expect_str_eq(silence->id, "silence-2"); /* the number of one that is gone is not given again */
        alert_book_free(book);
}

Test(alert_book, at_most_200_silences) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        const AlertSilence *silence;

        for (unsigned i = 0; i < BOOK_SILENCES_MAX; i++)
                cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        cr_expect_eq(silence_for_an_hour(book, &silence), -E2BIG);
}

Test(alert_book, actions_are_counted_across_a_restart) {
        AlertTime later = { now.monotonic + 10 * MINUTE, now.realtime + 10 * MINUTE };
        AlertTime rebooted = { 5 * MINUTE, now.realtime + 10 * MINUTE };
        AlertBook *book = open_book();
        uint64_t at;

        alert_book_log(book, "r1", "meta", now);
        alert_book_log(book, "r1", "meta", later);
        alert_book_log(book, "r2", "training", later);
        for (unsigned restarted = 0; restarted < 2; restarted++) {
                cr_expect_eq(alert_book_count(book, "meta", 30 * MINUTE, later, NULL), 2);
                cr_expect_eq(alert_book_count(book, "meta", 10 * MINUTE, later, NULL), 1); /* a window is open at its end */
                cr_expect_eq(alert_book_count(book, "meta", 10 * MINUTE + 1, later, &at), 2);
                cr_expect_eq(at, now.monotonic);
                cr_assert(alert_book_last(book, "r1", "meta", &at));
                cr_expect_eq(at, later.monotonic);
                cr_expect(!alert_book_last(book, "r2", "meta", &at));
                alert_book_free(book);
                book = open_book_at(top, later);
        }
        alert_book_free(book);
        book = open_book_at(top, rebooted);
        cr_expect_eq(alert_book_count(book, "meta", 30 * MINUTE, rebooted, NULL), 2);
        alert_book_free(book);
        book = open_book_at(top, (AlertTime) { now.monotonic + 25 * 60 * MINUTE, now.realtime + 25 * 60 * MINUTE });
        cr_expect_eq(book->n_log, 0);
        alert_book_free(book);
}
