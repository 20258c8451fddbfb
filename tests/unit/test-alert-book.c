/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "fake-history.h"
#include "metricsd/alert/book.h"
#include "metricsd/alert/field.h"

#define MINUTE (60 * USEC_PER_SEC)

static const AlertTime now = { .monotonic = 1000 * MINUTE, .realtime = UINT64_C(1700000000) * USEC_PER_SEC };
static History *history;

static void set_up(void) {
        history = fake_history_new();
}

static void tear_down(void) {
        history = fake_history_free(history);
}

TestSuite(alert_book, .init = set_up, .fini = tear_down);

static AlertBook *open_book_at(AlertTime at) {
        AlertBook *book = NULL;

        cr_assert_eq(alert_book_open(history, at, &book), 0);
        return book;
}

static AlertBook *open_book(void) {
        return open_book_at(now);
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

Test(alert_book, a_first_start_has_the_defaults) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book(), *again = NULL;

        cr_expect_eq(book->n_rules, 4);
        cr_expect(alert_book_find_rule(book, "default-offline"));
        cr_expect_eq(fake_history_count(history, BOOK_NAME), 1);
        again = open_book();
        cr_expect_eq(again->n_rules, 4);
        cr_expect(alert_rule_equal(again->rules[0], book->rules[0]));
}

Test(alert_book, a_deleted_default_stays_deleted) {
        AlertBook *book = open_book();

        cr_assert_eq(alert_book_delete_rule(book, "default-offline", now), 0);
        cr_expect_eq(alert_book_delete_rule(book, "default-offline", now), -ENOENT);
        alert_book_free(book);
        book = open_book();
        cr_expect_eq(book->n_rules, 3);
        cr_expect_null(alert_book_find_rule(book, "default-offline"));
        alert_book_free(book);
}

/* Of the version before, which had three defaults and no word for how many. */
Test(alert_book, a_default_that_is_new_is_added_once) {
        static const char before[] =
                "{\"version\":1,\"rules\":[{\"id\":\"mine\",\"metric\":\"service.cpu\",\"operator\":\">\",\"threshold\":5,"
                "\"severity\":\"info\",\"action\":\"notify\"}],\"silences\":[],\"lastSilence\":0,\"actions\":[],"
                "\"notices\":[],\"efficacy\":[]}";
        AlertBook *book;

        cr_assert_eq(history_put_text(history, BOOK_NAME, before, true), 0);
        book = open_book();
        cr_expect_eq(book->n_rules, 2, "%zu", book->n_rules);
        cr_expect(alert_book_find_rule(book, "mine"));
        cr_expect(alert_book_find_rule(book, "default-reload-failed"));
        cr_expect_null(alert_book_find_rule(book, "default-offline"));
        cr_assert_eq(alert_book_delete_rule(book, "default-reload-failed", now), 0);
        alert_book_free(book);
        book = open_book();
        cr_expect_eq(book->n_rules, 1);
        alert_book_free(book);
}

Test(alert_book, a_rule_is_stored_when_put_returns) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book(), *again = NULL;

        cr_assert_eq(put(book, "mine", 5, NULL), 0);
        again = open_book();
        cr_assert(alert_book_find_rule(again, "mine"));
        cr_expect_eq(alert_book_find_rule(again, "mine")->threshold, 5);
}

Test(alert_book, a_rule_with_a_known_id_replaces_it) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();

        cr_assert_eq(put(book, "mine", 5, NULL), 0);
        cr_assert_eq(put(book, "mine", 6, NULL), 0);
        cr_expect_eq(book->n_rules, 5);
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
        cr_expect_eq(book->n_rules, 6);
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

Test(alert_book, what_cannot_be_stored_changes_nothing) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book(), *again = NULL;
        const AlertSilence *silence;

        cr_assert_eq(put(book, "mine", 5, NULL), 0);
        cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        fake_history_fail(history, -ENOSPC);
        cr_expect_eq(put(book, "mine", 6, NULL), -ENOSPC);
        cr_expect_eq(put(book, "another", 6, NULL), -ENOSPC);
        cr_expect_eq(alert_book_delete_rule(book, "default-offline", now), -ENOSPC);
        cr_expect_eq(silence_for_an_hour(book, &silence), -ENOSPC);
        cr_expect_eq(alert_book_delete_silence(book, "silence-1", now), -ENOSPC);
        fake_history_fail(history, 0);
        again = open_book();
        for (AlertBook *b = book;; b = again) {
                cr_expect_eq(b->n_rules, 5);
                cr_expect_str_eq(b->rules[1]->id, "default-offline");
                cr_expect_eq(alert_book_find_rule(b, "mine")->threshold, 5);
                cr_expect_eq(b->n_silences, 1);
                cr_expect_str_eq(b->silences[0]->id, "silence-1");
                if (b == again)
                        break;
        }
        cr_assert_eq(silence_for_an_hour(book, &silence), 0);
        cr_expect_str_eq(silence->id, "silence-2");
}

Test(alert_book, on_a_full_disk_the_defaults_hold_in_memory) {
        _cleanup_(alert_book_freep) AlertBook *book = NULL, *again = NULL;

        fake_history_fail(history, -ENOSPC);
        book = open_book();
        cr_expect_eq(book->n_rules, 4);
        cr_expect_eq(put(book, "mine", 5, NULL), -ENOSPC);
        cr_expect_eq(book->n_rules, 4);
        cr_expect_eq(alert_book_sync(book, now), -ENOSPC);
        fake_history_fail(history, 0);
        cr_expect_eq(alert_book_sync(book, now), 0);
        cr_expect_eq(fake_history_count(history, BOOK_NAME), 1);
        again = open_book();
        cr_expect_eq(again->n_rules, 4);
}

#define LISTS "\"silences\":[],\"actions\":[],\"notices\":[],\"efficacy\":[]"

static const char *const unusable[] = {
        "",
        "{\"version\":1,\"rules\":[{\"id\":\"mine\",\"met", /* torn */
        "not json",
        "[]",
        "{}",
        "{\"version\":2,\"rules\":[]," LISTS "}",
        "{\"version\":1,\"rules\":{}," LISTS "}",
        "{\"version\":1,\"rules\":[{\"id\":\"mine\"}]," LISTS "}",
        "{\"version\":1,\"rules\":[5]," LISTS "}",
        "{\"version\":1,\"rules\":[],\"silences\":[{\"id\":\"s\"}],\"actions\":[],\"notices\":[],\"efficacy\":[]}",
        "{\"version\":1,\"rules\":[],\"silences\":[],\"actions\":[{\"service\":\"meta\"}],\"notices\":[],\"efficacy\":[]}",
        "{\"version\":1,\"rules\":[],\"silences\":[],\"actions\":[],\"notices\":[],"
        "\"efficacy\":[{\"service\":\"meta\",\"rule\":\"r\",\"tries\":1,\"helped\":2}]}",
        "{\"version\":1,\"rules\":[]," LISTS "} {}",
};

Test(alert_book, what_cannot_be_used_is_set_aside) {
        AlertTime at = now;

        for (size_t i = 0; i < ELEMENTSOF(unusable); i++) {
                AlertBook *book;

                at.realtime += USEC_PER_SEC; /* its name says when */
                cr_assert_eq(history_put_text(history, BOOK_NAME, unusable[i], true), 0);
                book = open_book_at(at);
                cr_expect_eq(book->n_rules, 4, "%s", unusable[i]);
                cr_expect_eq(fake_history_count(history, BOOK_NAME ".unusable-"), i + 1, "%s", unusable[i]);
                alert_book_free(book);
        }
}

Test(alert_book, what_is_set_aside_keeps_its_content) {
        _cleanup_(freep) char *text = NULL;

        cr_assert_eq(history_put_text(history, BOOK_NAME, "mine", true), 0);
        alert_book_free(open_book());
        cr_assert_eq(history_get_text(history, BOOK_NAME ".unusable-2023-11-14T22:13:20.000Z", &text), 0);
        cr_expect_str_eq(text, "mine");
}

Test(alert_book, what_cannot_be_set_aside_stays) {
        _cleanup_(alert_book_freep) AlertBook *book = NULL;
        _cleanup_(freep) char *text = NULL;

        cr_assert_eq(history_put_text(history, BOOK_NAME, "mine", true), 0);
        fake_history_fail(history, -ENOSPC);
        book = open_book();
        cr_expect_eq(book->n_rules, 4);
        fake_history_fail(history, 0);
        cr_expect_eq(alert_book_sync(book, now), 0);
        cr_assert_eq(history_get_text(history, BOOK_NAME, &text), 0);
        cr_expect_str_eq(text, "mine");
}

Test(alert_book, a_rule_outlives_its_service) {
        static const char text[] = "{\"version\":1,\"defaults\":4,\"rules\":[{\"id\":\"mine\",\"metric\":\"service.cpu\",\"operator\":\">\","
                                   "\"threshold\":1,\"severity\":\"info\",\"action\":\"notify\",\"service\":\"long-gone\"}],"
                                   "" LISTS "}";
        _cleanup_(alert_book_freep) AlertBook *book = NULL;

        cr_assert_eq(history_put_text(history, BOOK_NAME, text, true), 0);
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
        const AlertRule r1 = { .id = (char *) "r1" }, r2 = { .id = (char *) "r2" };
        const AlertRule told = { .id = (char *) "r1", .action = ACTION_NOTIFY };
        AlertBook *book = open_book();
        uint64_t at;

        alert_book_log(book, &r1, "meta", true, now);
        alert_book_log(book, &r1, "meta", true, later);
        alert_book_log(book, &r2, "training", true, later);
        alert_book_log(book, &told, "meta", false, now); /* counts against no limit */
        cr_expect_eq(alert_book_sync(book, later), 0);
        for (unsigned restarted = 0; restarted < 2; restarted++) {
                cr_expect_eq(alert_book_count(book, "meta", 30 * MINUTE, later, NULL), 2);
                cr_expect_eq(alert_book_count(book, "meta", 10 * MINUTE, later, NULL), 1); /* a window is open at its end */
                cr_expect_eq(alert_book_count(book, "meta", 10 * MINUTE + 1, later, &at), 2);
                cr_expect_eq(at, now.monotonic);
                cr_assert(alert_book_last(book, &r1, "meta", &at));
                cr_expect_eq(at, later.monotonic);
                cr_assert(alert_book_last(book, &told, "meta", &at));
                cr_expect_eq(at, now.monotonic);
                cr_expect(!alert_book_last(book, &r2, "meta", &at));
                alert_book_free(book);
                book = open_book_at(later);
        }
        alert_book_free(book);
        book = open_book_at(rebooted);
        cr_expect_eq(alert_book_count(book, "meta", 30 * MINUTE, rebooted, NULL), 2);
        alert_book_free(book);
        book = open_book_at((AlertTime) { now.monotonic + 25 * 60 * MINUTE, now.realtime + 25 * 60 * MINUTE });
        cr_expect_eq(book->actions.n, 0);
        alert_book_free(book);
}

Test(alert_book, an_action_that_cannot_be_stored_counts_and_is_stored_later) {
        const AlertRule r1 = { .id = (char *) "r1" };
        AlertBook *book = open_book();

        fake_history_fail(history, -ENOSPC);
        alert_book_log(book, &r1, "meta", true, now);
        cr_expect_eq(alert_book_count(book, "meta", 30 * MINUTE, now, NULL), 1);
        cr_expect(book->unsaved);
        fake_history_fail(history, 0);
        cr_expect_eq(alert_book_sync(book, now), 0);
        cr_expect(!book->unsaved);
        alert_book_free(book);
        book = open_book();
        cr_expect_eq(alert_book_count(book, "meta", 30 * MINUTE, now, NULL), 1);
        alert_book_free(book);
}

Test(alert_book, logs_have_a_limit) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        const AlertRule told = { .id = (char *) "r1", .action = ACTION_NOTIFY };
        char service[16];
        uint64_t at;

        for (unsigned i = 0; i <= BOOK_LOG_MAX; i++) {
                (void) snprintf(service, sizeof(service), "s%u", i);
                alert_book_log(book, &told, service, false, now);
        }
        cr_expect_eq(book->notices.n, BOOK_LOG_MAX);
        cr_expect(!alert_book_last(book, &told, "s0", &at));
        cr_expect(alert_book_last(book, &told, service, &at));
}

Test(alert_book, efficacy) {
        const AlertRule rule = { .id = (char *) "default-offline" };
        AlertBook *book = open_book();
        const AlertEfficacy *e;

        cr_expect_null(alert_book_efficacy(book, rule.id, "meta"));
        for (unsigned tries = 1; tries <= EFFICACY_TRIES; tries++) {
                alert_book_log(book, &rule, "meta", true, now);
                if (tries <= 2)
                        alert_book_note_helped(book, rule.id, "meta");
                e = alert_book_efficacy(book, rule.id, "meta");
                cr_expect_eq(e->tries, tries);
                cr_expect_eq(alert_efficacy_is_off(e), tries == EFFICACY_TRIES); /* 2 of 5 */
        }
        alert_book_log(book, &rule, "meta", false, now); /* a person's is no try */
        cr_expect_eq(alert_book_efficacy(book, rule.id, "meta")->tries, 5);
        alert_book_log(book, &rule, "training", true, now);
        alert_book_note_helped(book, rule.id, "training");
        alert_book_note_helped(book, rule.id, "training"); /* never more often than it was tried */
        alert_book_note_helped(book, rule.id, "nobody");
        cr_expect_eq(alert_book_sync(book, now), 0);
        alert_book_free(book);
        book = open_book();
        e = alert_book_efficacy(book, rule.id, "meta");
        cr_assert(e);
        cr_expect_eq(e->tries, 5);
        cr_expect_eq(e->helped, 2);
        cr_expect_eq(alert_book_efficacy(book, rule.id, "training")->helped, 1);
        cr_assert_eq(put(book, rule.id, 7, NULL), 0); /* put again, it begins anew */
        cr_expect_null(alert_book_efficacy(book, rule.id, "meta"));
        alert_book_free(book);
        book = open_book();
        cr_expect_eq(book->n_efficacy, 0);
        alert_book_free(book);
}

Test(alert_book, efficacy_begins_anew_for_the_same_rule_and_goes_with_it) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        const AlertRule *rule, *same;

        cr_assert_eq(put(book, NULL, 5, &rule), 0);
        alert_book_log(book, &(AlertRule) { .id = rule->id }, "meta", true, now);
        cr_assert_eq(put(book, NULL, 5, &same), 0);
        cr_expect_eq(rule, same);
        cr_expect_eq(book->n_efficacy, 0);
        alert_book_log(book, &(AlertRule) { .id = rule->id }, "meta", true, now);
        cr_assert_eq(alert_book_delete_rule(book, rule->id, now), 0);
        cr_expect_eq(book->n_efficacy, 0);
}

Test(alert_book, efficacy_has_a_limit) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        const AlertRule rule = { .id = (char *) "r", .action = ACTION_NOTIFY }; /* is not stored each time */
        char service[16];

        for (unsigned i = 0; i < BOOK_EFFICACY_MAX; i++) {
                (void) snprintf(service, sizeof(service), "s%u", i);
                alert_book_log(book, &rule, service, true, now);
        }
        alert_book_log(book, &rule, "s0", true, now);
        alert_book_log(book, &rule, "one-more", true, now);
        cr_expect_eq(book->n_efficacy, BOOK_EFFICACY_MAX);
        cr_expect_null(alert_book_efficacy(book, "r", "s1")); /* was tried longest ago */
        cr_expect_eq(alert_book_efficacy(book, "r", "s0")->tries, 2);
}

Test(alert_book, a_dry_run_changes_nothing) {
        _cleanup_(alert_book_freep) AlertBook *book = open_book();
        _cleanup_(alert_rule_freep) AlertRule *rule = make_rule(NULL, 5), *known = make_rule("default-offline", 5);
        unsigned writes = fake_history_writes(history);
        const AlertRule *there;

        cr_assert_eq(alert_book_try_rule(book, rule, &there), 0);
        cr_expect_null(there);
        cr_expect_str_eq(rule->id, "service.cpu-notify");
        cr_assert_eq(alert_book_try_rule(book, known, &there), 0);
        cr_expect_eq(there, alert_book_find_rule(book, "default-offline"));
        cr_expect_eq(alert_book_try_silence(book, now), 0);
        cr_expect_eq(book->n_rules, 4);
        cr_expect_eq(fake_history_writes(history), writes);
}
