/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "host/proven.h"

static char top[] = "/tmp/tooloo-proven-XXXXXX";
static Proven proven;

static void write_text(const char *path, const char *text) {
        cr_assert_eq(write_file_atomic(path, text, strlen(text), 0600), 0);
}

static void set_up(void) {
        cr_assert(mkdtemp(top));
        cr_assert_eq(chdir(top), 0);
        cr_assert_eq(proven_init(&proven, top), 0);
        write_text("one", "first module");
        write_text("two", "second module");
}

static void tear_down(void) {
        static const char *const names[] = { "one", "two", "candidate.so", "good.so", "bad.so", "bad.reason", "replaced.so" };

        proven_done(&proven);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlink(names[i]);
        (void) rmdir(top);
}

TestSuite(proven, .init = set_up, .fini = tear_down);

static int end_with(const char *result, const char *code, const char *status) {
        _cleanup_(freep) char *reason = NULL;
        int r = proven_judge_end(&proven, result, code, status, &reason);

        cr_expect_eq(r > 0, reason != NULL);
        return r;
}

Test(proven, candidate_becomes_good) {
        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_expect_eq(files_equal("one", "candidate.so"), 1);
        cr_expect(!proven_has_good(&proven));
        cr_assert_eq(proven_confirm(&proven), 0);
        cr_expect(proven_has_good(&proven));
        cr_expect(proven_is_good(&proven, "one"));
        cr_expect(!proven_is_good(&proven, "two"));
        cr_expect_eq(access("candidate.so", F_OK), -1);
        cr_expect_eq(proven_confirm(&proven), 0); /* a timer that comes twice */
        cr_expect_eq(proven_begin(&proven, "one", false), 0); /* is good, so it is not on trial again */
        cr_expect_eq(access("candidate.so", F_OK), -1);
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 0);
}

Test(proven, crash_makes_it_bad) {
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 1);
        cr_assert(proven_is_bad(&proven, "one", &why));
        cr_expect(strstr(why, "SEGV"), "%s", why);
        cr_expect(!proven_is_bad(&proven, "two", &why));
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 0); /* there is no candidate any more */
}

Test(proven, bad_without_reason) {
        char *why = (char *) "untouched";

        write_text("bad.so", "first module");
        cr_expect(proven_is_bad(&proven, "one", &why));
        cr_expect_null(why);
}

/* As on a full disk, where a rename still works. */
Test(proven, reason_cannot_be_written) {
        char *why = (char *) "untouched";

        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        free(proven.reason);
        proven.reason = strdup("/proc/tooloo");
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 1);
        cr_expect(proven_is_bad(&proven, "one", &why));
        cr_expect_null(why);
}

Test(proven, blame) {
        static const struct {
                const char *result, *code, *status;
                int blamed;
        } cases[] = {
                { "signal", "killed", "ABRT", 1 },   { "core-dump", "dumped", "SEGV", 1 }, { "watchdog", "killed", "ABRT", 1 },
                { "exit-code", "exited", "1", 1 },   { "timeout", "killed", "KILL", 1 },   { "signal", "killed", "SYS", 1 },
                { "success", "exited", "0", 0 },     { "signal", "killed", "TERM", 0 },    { "signal", "killed", "KILL", 0 },
                { "signal", "killed", "HUP", 0 },    { "oom-kill", "killed", "KILL", 0 },  { "resources", "exited", "1", 0 },
                { "start-limit-hit", "", "", 0 },    { "", "", "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cr_assert_eq(proven_begin(&proven, "one", false), 0);
                cr_expect_eq(end_with(cases[i].result, cases[i].code, cases[i].status), cases[i].blamed, "%s %s",
                             cases[i].result, cases[i].status);
                cr_expect_eq(access("candidate.so", F_OK), -1);
        }
}

/* Who served until a successor came has served well; who ended has only ended. */
Test(proven, replaced) {
        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_begin(&proven, "two", true), 0);
        cr_expect(!proven_has_good(&proven));
        cr_assert_eq(proven_decide(&proven, true), 0);
        cr_expect(proven_is_good(&proven, "one"));
        cr_expect_eq(files_equal("two", "candidate.so"), 1);
        cr_expect_eq(access("replaced.so", F_OK), -1);
        cr_assert_eq(proven_begin(&proven, "two", false), 0);
        cr_expect(proven_is_good(&proven, "one"));
}

Test(proven, ended_while_on_trial) {
        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_begin(&proven, "two", false), 0);
        cr_expect(!proven_has_good(&proven));
        cr_expect_eq(files_equal("two", "candidate.so"), 1);
}

/* What goes on because its successor was not let in is no better for that: it can still be the one to blame. */
Test(proven, successor_not_let_in) {
        char *why = NULL;

        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_begin(&proven, "two", true), 0);
        cr_assert_eq(proven_decide(&proven, false), 0);
        cr_expect(!proven_has_good(&proven));
        cr_expect_eq(access("replaced.so", F_OK), -1);
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 1);
        cr_expect(proven_is_bad(&proven, "one", &why));
        free(why);
        cr_expect(!proven_is_bad(&proven, "two", &why));
}

/* Nor is it on trial again when it had passed. */
Test(proven, successor_of_a_good_one_not_let_in) {
        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_confirm(&proven), 0);
        cr_assert_eq(proven_begin(&proven, "two", true), 0);
        cr_assert_eq(proven_decide(&proven, false), 0);
        cr_expect(proven_is_good(&proven, "one"));
        cr_expect_eq(access("candidate.so", F_OK), -1);
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 0);
}

/* An init that went well in its trial and not in the service. */
Test(proven, crash_before_decided) {
        char *why = NULL;

        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_begin(&proven, "two", true), 0);
        cr_expect_eq(end_with("signal", "killed", "SEGV"), 1);
        cr_expect(proven_is_good(&proven, "one"));
        cr_expect(proven_is_bad(&proven, "two", &why));
        cr_expect_eq(access("replaced.so", F_OK), -1);
        free(why);
}

/* Who takes a change back must not get it as the one to fall back to. */
Test(proven, back_to_the_good_one) {
        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_confirm(&proven), 0);
        cr_assert_eq(proven_begin(&proven, "two", true), 0);
        cr_assert_eq(proven_decide(&proven, true), 0);
        cr_assert_eq(proven_begin(&proven, "one", true), 0);
        cr_assert_eq(proven_decide(&proven, true), 0);
        cr_expect(proven_is_good(&proven, "one"));
        cr_expect_eq(access("candidate.so", F_OK), -1);
        cr_expect_eq(access("replaced.so", F_OK), -1);
}

/* A process that was killed in the middle of a reload leaves it open: nothing of that counts for a later one. */
Test(proven, forgets_what_was_open) {
        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_assert_eq(proven_begin(&proven, "two", true), 0);
        cr_expect_eq(end_with("signal", "killed", "KILL"), 0);
        cr_assert_eq(proven_begin(&proven, "two", false), 0);
        cr_assert_eq(proven_decide(&proven, true), 0);
        cr_expect(!proven_has_good(&proven));
}

Test(proven, forgets_bad_once_something_runs) {
        char *why = NULL;

        cr_assert_eq(proven_begin(&proven, "one", false), 0);
        cr_expect_eq(end_with("watchdog", "killed", "ABRT"), 1);
        cr_assert_eq(proven_begin(&proven, "two", false), 0);
        cr_assert_eq(proven_confirm(&proven), 0);
        cr_expect(!proven_is_bad(&proven, "one", &why));
        cr_expect_eq(access("bad.reason", F_OK), -1);
}

Test(proven, without_directory) {
        char *why = NULL;
        Proven none;

        cr_assert_eq(proven_init(&none, NULL), 0);
        cr_expect_eq(proven_begin(&none, "one", false), 0);
        cr_expect_eq(proven_confirm(&none), 0);
        cr_expect_eq(proven_decide(&none, true), 0);
        cr_expect_eq(proven_decide(&none, false), 0);
        cr_expect(!proven_is_bad(&none, "one", &why));
        cr_expect(!proven_is_good(&none, "one"));
        cr_expect(!proven_has_good(&none));
        cr_expect_eq(proven_judge_end(&none, "signal", "killed", "SEGV", &why), 0);
        proven_done(&none);
}

Test(proven, directory_is_gone) {
        Proven gone;

        cr_assert_eq(proven_init(&gone, "/nonexistent"), 0);
        cr_expect_eq(proven_begin(&gone, "one", false), -ENOENT);
        cr_expect_eq(proven_confirm(&gone), 0);
        proven_done(&gone);
}
