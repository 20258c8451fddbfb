/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "../../metricsd/journal/groups.h"
#include "basic/string-util.h"

static JournalGroups *groups;

static void set_up(void) {
        cr_assert_eq(journal_groups_new(&groups), 0);
}

static void tear_down(void) {
        groups = journal_groups_free(groups);
}

TestSuite(journal_groups, .init = set_up, .fini = tear_down);

static int add(const char *service, const char *message, uint64_t at) {
        char cursor[32];

        (void) snprintf(cursor, sizeof(cursor), "t=%llu", (unsigned long long) at);
        return journal_groups_add(groups, service,
                                  &(JournalLine) { .message = message, .priority = 3, .at = at, .cursor = cursor });
}

/* A message that is like no other: digits would be masked. */
static const char *another(unsigned n) {
        static char text[16];

        (void) snprintf(text, sizeof(text), "%c%c%c", 'g' + n % 16, 'g' + n / 16 % 16, 'g' + n / 256 % 16);
        return text;
}

Test(journal_groups, counts) {
        const JournalGroup *g;

        cr_assert_eq(add("cup", "failed 1 time", 10), 1);
        cr_assert_eq(add("cup", "failed 2 times", 11), 1);
        cr_assert_eq(add("cup", "failed 7 time", 12), 0);
        cr_assert_eq(add("web", "failed 1 time", 13), 1);
        g = journal_groups_first(groups);
        cr_expect_str_eq(g->service, "cup");
        cr_expect_str_eq(g->message, "failed * time");
        cr_expect_str_eq(g->sample, "failed 7 time");
        cr_expect_str_eq(g->cursor, "t=12");
        cr_expect_eq(g->count, 2);
        cr_expect_eq(g->first, 10);
        cr_expect_eq(g->last, 12);
        cr_expect_null(g->message_id);
        cr_expect_eq(journal_groups_find(groups, "cup", g->fingerprint), g);
        cr_expect_str_eq(journal_groups_find(groups, "web", g->fingerprint)->service, "web");
        cr_expect_null(journal_groups_find(groups, "meta", g->fingerprint));
        journal_groups_clear(groups);
        cr_expect_null(journal_groups_first(groups));
        cr_expect_eq(add("cup", "failed 1 time", 14), 1);
}

Test(journal_groups, limit_of_a_service) {
        for (unsigned i = 0; i < JOURNAL_GROUPS_SERVICE_MAX; i++)
                cr_assert_eq(add("cup", another(i), 1), 1);
        cr_expect_eq(add("cup", another(JOURNAL_GROUPS_SERVICE_MAX), 1), -ENOBUFS);
        cr_expect_eq(add("cup", another(0), 2), 0, "what is there goes on being counted");
        cr_expect_eq(add("web", another(0), 2), 1, "others have their own room");
        journal_groups_clear(groups);
        cr_expect_eq(add("cup", another(JOURNAL_GROUPS_SERVICE_MAX), 1), 1);
}

Test(journal_groups, limit_of_all) {
        char service[16];

        for (unsigned i = 0; i < JOURNAL_GROUPS_MAX; i++) {
                (void) snprintf(service, sizeof(service), "s%u", i / 100);
                cr_assert_eq(add(service, another(i), 1), 1);
        }
        cr_expect_eq(add("another", "x", 1), -ENOBUFS);
        cr_expect_eq(add("s0", another(0), 1), 0);
}

Test(journal_groups, long_texts_are_cut) {
        static char text[JOURNAL_MESSAGE_MAX + 1];
        const JournalGroup *g;

        for (size_t i = 0; i + 2 < sizeof(text); i += 2)
                (void) memcpy(text + i, "\xc3\xa4", 2); /* so that the cut may fall within one */
        text[0] = text[1] = 'x';
        cr_assert_eq(add("cup", text, 1), 1);
        g = journal_groups_first(groups);
        cr_expect_leq(strlen(g->sample), JOURNAL_GROUP_TEXT_MAX);
        cr_expect_geq(strlen(g->sample), JOURNAL_GROUP_TEXT_MAX - 2);
        cr_expect(endswith(g->sample, "\xc3\xa4..."));
        cr_expect(endswith(g->message, "\xc3\xa4..."));
}

Test(journal_groups, older_line) {
        cr_assert_eq(add("cup", "x", 10), 1);
        cr_assert_eq(add("cup", "x", 8), 0); /* the clock was set back */
        cr_expect_eq(journal_groups_first(groups)->first, 8);
        cr_expect_eq(journal_groups_first(groups)->last, 10);
}
