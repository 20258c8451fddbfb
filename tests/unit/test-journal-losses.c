/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "../../metricsd/journal/losses.h"
#include "basic/string-util.h"

static JournalLosses losses;

static void add(const char *service, const char *why, uint64_t at) {
        JournalLoss loss = { .service = (char *) service, .why = (char *) why, .at = at };

        cr_assert_eq(journal_losses_add(&losses, &loss), 0);
}

static const char *since(const char *service, uint64_t at) {
        const JournalLoss *loss = journal_losses_since(&losses, service, at);

        return loss ? loss->why : "none";
}

Test(journal_losses, whom_they_concern) {
        cr_expect_str_eq(since(NULL, 0), "none");
        add("cup", "of cup", 10);
        cr_expect_str_eq(since("cup", 10), "of cup");
        cr_expect_str_eq(since("cup", 11), "none", "too old");
        cr_expect_str_eq(since("web", 0), "none");
        cr_expect_str_eq(since(NULL, 0), "of cup", "the whole list lacks it, too");
        add(NULL, "of all", 20);
        cr_expect_str_eq(since("cup", 0), "of all", "the newest");
        cr_expect_str_eq(since("web", 0), "of all");
        add(NULL, "read from the history later", 15);
        cr_expect_str_eq(since("web", 0), "of all");
        journal_losses_done(&losses);
}

Test(journal_losses, the_same_again) {
        JournalLoss earlier = { .why = (char *) "as before", .at = 30, .earlier = true };

        add("cup", "why", 10);
        add(NULL, "why not", 20);
        cr_expect(journal_losses_has(&losses, "cup", "why", 10));
        cr_expect(!journal_losses_has(&losses, "cup", "why", 11));
        cr_expect(!journal_losses_has(&losses, "web", "why", 0));
        cr_expect(!journal_losses_has(&losses, NULL, "why", 0));
        cr_expect(!journal_losses_has(&losses, "cup", "why not", 0));
        cr_expect(journal_losses_has(&losses, NULL, "why not", 0));
        cr_assert_eq(journal_losses_add(&losses, &earlier), 0);
        cr_expect(!journal_losses_has(&losses, NULL, "as before", 0), "each run says it once");
        cr_expect_str_eq(since(NULL, 25), "as before");
        journal_losses_done(&losses);
}

Test(journal_losses, limit) {
        for (uint64_t i = 0; i <= JOURNAL_LOSSES_MAX; i++)
                add(NULL, i == 0 ? "oldest" : "other", 1000 - i);
        cr_expect_str_eq(since(NULL, 1000), "none", "the one that came first has gone");
        cr_expect_str_eq(since(NULL, 999), "other");
        journal_losses_done(&losses);
}
