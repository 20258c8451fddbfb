/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

#include <fcntl.h>

#include "basic/time-util.h"

TestSuite(ledger_verify, .init = ledger_set_up, .fini = ledger_tear_down);

static uint64_t time_of(const char *text) {
        uint64_t at;

        cr_assert_eq(parse_iso8601(text, &at), 0, "%s", text);
        return at;
}

/* A call of each kind and fate, in windows of every length. Request 1 is of a key, 2 of a user, 3 of nobody, 4 of the
 * cache. */
static void fill(void) {
        static const char *const times[] = {
                "1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999999Z", "2024-03-01T00:00:00Z", "2025-12-31T23:59:59.999999Z",
                "2026-01-01T00:00:00Z", "2026-01-01T00:00:59.999999Z", "2026-01-01T00:01:00Z", "9999-12-31T23:00:00Z",
        };
        LedgerRequest cached = a_request();
        char text[LEDGER_KEY_TEXT_MAX];
        int64_t id = 0;

        cr_assert_eq(ledger_create_key(ledger, "k1", NULL, BEGIN, text), 0);
        cr_assert_eq(add_request(1, NULL), 1);
        cr_assert_eq(add_request(0, "ada"), 2);
        cr_assert_eq(add_request(0, NULL), 3);
        cached.cache = "hit";
        cr_assert_eq(ledger_add_request(ledger, &cached, &id), 0);
        for (int64_t request = 1; request <= 3; request++)
                for (unsigned i = 0; i < ELEMENTSOF(times); i++) {
                        cr_assert_eq(reserve_at(request, i + 1, time_of(times[i]), 100 + i, NULL), 0);
                        if (i == 1)
                                cr_assert_eq(ledger_release(ledger, request, i + 1, NULL), 0);
                        else if (i > 0 && i < 6)
                                cr_assert_eq(settle(request, i + 1, 10 * request + i), 0);
                }
        cr_assert_eq(ledger_expire(ledger, time_of("1971-01-01T00:00:00Z"), NULL, NULL), 0);
        cr_assert_eq(ledger_end_request(ledger, 1, 200, BEGIN), 0);
        execute("INSERT INTO grade (request, at, grader, score) VALUES (1, 1, 'g', 0.5)");
        cr_assert_eq(ask("SELECT count(*) FROM attempt WHERE total IS NULL"), 6);
        cr_assert_eq(ask("SELECT count(*) FROM attempt WHERE error = 'interrupted'"), 3);
}

#define SPENT                                                                                            \
        "SELECT group_concat(scope || subject || window || begins || ':' || settled || '+' || reserved || " \
        "'*' || calls, ' ') FROM (SELECT * FROM spent ORDER BY scope, subject, window, begins)"

Test(ledger_verify, rebuilt_it_is_what_it_was) {
        _cleanup_(freep) char *before = NULL;

        fill();
        before = strdup(ask_text(SPENT));
        cr_assert(before && strlen(before) > 1000 && strlen(before) < 8191);
        cr_expect_eq(verify(), 0);
        execute("DELETE FROM spent");
        cr_assert_eq(ledger_rebuild(ledger), 0);
        cr_expect_str_eq(ask_text(SPENT), before);
        execute("UPDATE spent SET settled = settled + 1, reserved = 7, calls = 0;"
                "INSERT INTO spent VALUES ('user', 'bob', 'day', 0, 1, 1, 1)");
        cr_assert_eq(ledger_rebuild(ledger), 0);
        cr_expect_str_eq(ask_text(SPENT), before);
        cr_expect_eq(verify(), 0);

        /* As a part of somebody's transaction it goes with that. */
        execute("DELETE FROM spent");
        cr_assert_eq(ledger_begin(ledger), 0);
        cr_assert_eq(ledger_rebuild(ledger), 0);
        cr_expect_eq(verify(), 0);
        ledger_rollback(ledger);
        cr_expect_eq(ask("SELECT count(*) FROM spent"), 0);
}

Test(ledger_verify, a_new_one_has_no_fault_and_a_reader_can_ask) {
        Ledger *l = NULL;
        size_t n = 7;

        cr_expect_eq(verify(), 0);
        fill();
        cr_assert_eq(ledger_open(top, LEDGER_READ, &l), 0);
        cr_expect_eq(ledger_verify(l, NULL, NULL, &n), 0);
        cr_expect_eq(n, 0);
        l = ledger_free(l);
        execute("UPDATE spent SET calls = 99 WHERE scope = 'user' AND window = 'day' AND begins = 0");
        cr_assert_eq(ledger_open(top, LEDGER_READ, &l), 0);
        cr_expect_eq(ledger_verify(l, NULL, NULL, &n), 0);
        cr_expect_eq(n, 1);
        cr_expect_eq(ledger_verify(l, NULL, NULL, &n), 0); /* nothing of the first is in the way of the second */
        cr_expect_eq(n, 1);
        l = ledger_free(l);
}

typedef struct Wanted {
        const char *text;
        bool found;
} Wanted;

static void look_for(const char *fault, void *userdata) {
        Wanted *wanted = userdata;

        wanted->found = wanted->found || strstr(fault, wanted->text);
        cr_expect_null(strchr(fault, '\n'));
}

/* Attempt 1.3 was settled, 1.7 runs, 1.2 was released. n: how many faults come of it. */
Test(ledger_verify, each_fault_is_found) {
        static const struct {
                const char *sql, *text;
                size_t n;
        } faults[] = {
                { "PRAGMA ignore_check_constraints = ON; UPDATE grade SET score = 2; PRAGMA ignore_check_constraints = OFF",
                  "SQLite: CHECK constraint failed in grade", 1 },
                { "DELETE FROM request WHERE id = 4; INSERT INTO match (at, track, a, b, winner, request) "
                  "VALUES (1, 't', 'a', 'b', 'a', 4)", "match: a row names one of request that is not there", 1 },
                { "UPDATE request SET ended = NULL WHERE id = 1", "request 1: it has a status or an end, not both", 1 },
                { "UPDATE request SET ended = 1 WHERE id = 2", "request 2: it has a status or an end, not both", 1 },
                { "UPDATE request SET cache = 'joined' WHERE id = 2",
                  "request 2: of the cache (joined), but has attempts", 1 },
                { "UPDATE attempt SET n = 9 WHERE request = 1 AND n = 3",
                  "request 1: its 8 attempts are not numbered from 1", 1 },
                { "UPDATE attempt SET n = 0 WHERE request = 1 AND n = 1",
                  "request 1: its 8 attempts are not numbered from 1", 1 },
                { "DELETE FROM reservation WHERE request = 1 AND n = 7",
                  "attempt 1.7: it runs, but nothing is reserved", 10 },
                { "UPDATE attempt SET total = 5 WHERE request = 1 AND n = 7",
                  "attempt 1.7: it has ended, but is reserved", 1 },
                { "UPDATE attempt SET error = 'cut' WHERE request = 1 AND n = 7",
                  "attempt 1.7: it runs, but has an outcome", 1 },
                { "UPDATE attempt SET tokens_out = 5 WHERE request = 1 AND n = 7",
                  "attempt 1.7: it runs, but has an outcome", 2 },
                { "UPDATE attempt SET provider = 'other' WHERE request = 1 AND n = 3",
                  "attempt 1.3: its price is of gpt-4o-mini of openai", 7 },
                { "UPDATE attempt SET model = 'other' WHERE request = 1 AND n = 3",
                  "attempt 1.3: its price is of gpt-4o-mini of openai", 1 },
                { "UPDATE reservation SET amount = -106 WHERE request = 1 AND n = 7", "reservation 1.7: amount -106", 10 },
                { "UPDATE attempt SET cost = cost + 1 WHERE request = 1 AND n = 3",
                  "attempt 1.3: cost 13, by its price and tokens 12", 10 },
                { "UPDATE attempt SET price = NULL WHERE request = 1 AND n = 3",
                  "attempt 1.3: cost 12, by its price and tokens 0", 1 },
                { "UPDATE attempt SET tokens_in = -1 WHERE request = 1 AND n = 3",
                  "attempt 1.3: no cost is right for its price and tokens", 1 },
                { "UPDATE price SET input = 1 WHERE id = 1", "attempt 1.3: cost 12, by its price and tokens 0", 12 },
                { "UPDATE spent SET settled = settled - 1 WHERE scope = 'key' AND window = 'month' AND begins = 0",
                  "spent: key k1, month 0: -1 settled, 0 reserved, 1 calls; by the facts 0, 0, 1", 1 },
                { "UPDATE spent SET reserved = 5 WHERE scope = 'total' AND window = 'day' AND begins = 0",
                  "0 settled, 5 reserved", 1 },
                { "UPDATE spent SET calls = 4 WHERE scope = 'total' AND window = 'day' AND begins = 0", "4 calls", 1 },
                { "DELETE FROM spent WHERE scope = 'user' AND window = 'minute' AND begins = 0",
                  "spent: user ada, minute 0: ", 1 },
                { "INSERT INTO spent VALUES ('user', 'bob', 'day', 0, 0, 0, 0)",
                  "spent: user bob, day 0: no fact says so", 1 },
        };

        fill();
        execute("PRAGMA foreign_keys = OFF");
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                Wanted wanted = { .text = faults[i].text };
                size_t n = SIZE_MAX;

                execute("SAVEPOINT planted");
                execute(faults[i].sql);
                cr_assert_eq(ledger_verify(ledger, look_for, &wanted, &n), 0);
                cr_expect(wanted.found, "%s: not found", faults[i].text);
                cr_expect_eq(n, faults[i].n, "%s: %zu faults", faults[i].text, n);
                if (!wanted.found || n != faults[i].n)
                        (void) verify(); /* says them */
                execute("ROLLBACK TO planted; RELEASE planted");
                cr_expect_eq(verify(), 0);
        }
}

static void overwrite_page(int64_t page) {
        int64_t size = ask("PRAGMA page_size");
        char zeros[64] = {};
        int fd;

        execute("PRAGMA wal_checkpoint(TRUNCATE)");
        ledger = ledger_free(ledger);
        fd = open("ledger.db", O_WRONLY | O_CLOEXEC);
        cr_assert(fd >= 0);
        cr_assert_eq(pwrite(fd, zeros, sizeof(zeros), (page - 1) * size), sizeof(zeros));
        cr_assert_eq(close(fd), 0);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
}

Test(ledger_verify, a_damaged_file_is_a_fault_and_no_error) {
        fill();
        overwrite_page(ask("SELECT rootpage FROM sqlite_schema WHERE name = 'attempt_at'"));
        cr_expect_gt(verify(), 0);
        overwrite_page(ask("SELECT rootpage FROM sqlite_schema WHERE name = 'attempt'"));
        cr_expect_gt(verify(), 1);
}
