/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Many processes at one ledger. Each opens it for itself; the parent has it closed meanwhile. */

TestSuite(ledger_crowd, .init = ledger_set_up, .fini = ledger_tear_down);

#define PROCESSES 10
#define CALLS 50 /* of each process in each round: 500 together */
#define ROUNDS 3
#define ADMITTED 37
#define AMOUNT INT64_C(123456789)

/* Of each child. What is wrong ends it, and the parent sees its status. */
static void require(bool condition, int line) {
        if (condition)
                return;
        (void) fprintf(stderr, "a child failed at line %d\n", line);
        _exit(EXIT_FAILURE);
}
#define REQUIRE(condition) require(condition, __LINE__)

/* On a busy machine nobody has to get his turn within two seconds. */
static void begin(Ledger *l) {
        int r;

        while ((r = ledger_begin(l)) == -EBUSY)
                continue;
        REQUIRE(r == 0);
}

static void open_for_child(void) {
        int r;

        while ((r = ledger_open(top, LEDGER_WRITE, &ledger)) == -EBUSY)
                continue;
        REQUIRE(r == 0);
}

/* A transaction to decide and one to settle, as two steps of the event loop. */
static bool try_call(unsigned round, int64_t key) {
        uint64_t at = BEGIN + round * DAY;
        LedgerRequest request = a_request();
        int64_t id = 0;
        int r;

        request.at = at;
        request.key = key;
        begin(ledger);
        REQUIRE(ledger_add_request(ledger, &request, &id) == 0);
        r = reserve_at(id, 1, at, AMOUNT, NULL);
        REQUIRE(r == 0 || r == -EDQUOT);
        REQUIRE(ledger_commit(ledger) == 0);
        if (r == 0) {
                begin(ledger);
                REQUIRE(settle(id, 1, AMOUNT) == 0);
                REQUIRE(ledger_commit(ledger) == 0);
        }
        return r == 0;
}

static void wait_for_start(int fd) {
        char c;

        REQUIRE(read(fd, &c, 1) == 0); /* the end: all others are there */
}

static _Noreturn void call_in_rounds(int start, int report, int64_t key) {
        uint8_t admitted[ROUNDS] = {};

        open_for_child();
        wait_for_start(start);
        for (unsigned round = 0; round < ROUNDS; round++)
                for (unsigned i = 0; i < CALLS; i++)
                        admitted[round] += try_call(round, key);
        ledger = ledger_free(ledger);
        REQUIRE(write(report, admitted, sizeof(admitted)) == sizeof(admitted));
        _exit(EXIT_SUCCESS);
}

static void wait_for(pid_t pid, int expected) {
        int status = -1;

        cr_assert_eq(waitpid(pid, &status, 0), pid);
        if (expected == 0)
                cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS, "status %d", status);
        else
                cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == expected, "status %d", status);
}

static int64_t create_key(const char *name) {
        char text[LEDGER_KEY_TEXT_MAX];
        LedgerKey key;

        cr_assert_eq(ledger_create_key(ledger, name, NULL, BEGIN, text), 0);
        cr_assert_eq(ledger_find_key(ledger, text, &key), 0);
        return key.id;
}

static void expect_round(unsigned round) {
        static const char *const windows[] = { "minute", "day" };

        for (size_t i = 0; i < ELEMENTSOF(windows); i++) {
                LedgerLimit of_key = usage("key", "k1", windows[i], BEGIN + round * DAY);

                cr_expect_eq(of_key.settled, ADMITTED * AMOUNT, "%lld", (long long) of_key.settled);
                cr_expect_eq(of_key.reserved, 0);
                cr_expect_eq(of_key.calls, ADMITTED);
        }
        cr_expect_eq(usage("total", "", "day", BEGIN + round * DAY).settled, ADMITTED * AMOUNT);
}

Test(ledger_crowd, of_500_calls_of_ten_processes_exactly_37_are_admitted) {
        unsigned admitted[ROUNDS] = {};
        uint8_t of_one[ROUNDS];
        int start[2], report[2];
        pid_t pids[PROCESSES];
        int64_t key = create_key("k1");

        set_limit("key", "k1", "day", ADMITTED * AMOUNT);
        ledger = ledger_free(ledger);
        cr_assert_eq(pipe(start), 0);
        cr_assert_eq(pipe(report), 0);
        for (size_t i = 0; i < PROCESSES; i++) {
                pids[i] = fork();
                cr_assert(pids[i] >= 0);
                if (pids[i] == 0) {
                        (void) close(start[1]);
                        call_in_rounds(start[0], report[1], key);
                }
        }
        (void) close(start[0]);
        (void) close(start[1]);
        for (size_t i = 0; i < PROCESSES; i++) {
                wait_for(pids[i], 0);
                cr_assert_eq(read(report[0], of_one, sizeof(of_one)), sizeof(of_one));
                for (size_t round = 0; round < ROUNDS; round++)
                        admitted[round] += of_one[round];
        }
        (void) close(report[0]);
        (void) close(report[1]);

        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
        cr_expect_eq(ask("SELECT count(*) FROM request"), PROCESSES * CALLS * ROUNDS);
        cr_expect_eq(ask("SELECT count(*) FROM attempt"), ADMITTED * ROUNDS);
        for (unsigned round = 0; round < ROUNDS; round++) {
                cr_expect_eq(admitted[round], ADMITTED, "round %u: %u", round, admitted[round]);
                expect_round(round);
        }
        cr_expect_eq(ask("SELECT sum(cost) FROM attempt"), ROUNDS * ADMITTED * AMOUNT);
        cr_expect_eq(verify(), 0);
}

Test(ledger_crowd, of_many_that_open_a_new_one_at_once_all_do) {
        pid_t pids[PROCESSES];
        int start[2];

        ledger = ledger_free(ledger);
        cr_assert_eq(unlink("ledger.db"), 0);
        cr_assert_eq(pipe(start), 0);
        for (size_t i = 0; i < PROCESSES; i++) {
                pids[i] = fork();
                cr_assert(pids[i] >= 0);
                if (pids[i] == 0) {
                        (void) close(start[1]);
                        wait_for_start(start[0]);
                        open_for_child();
                        (void) try_call(0, 0);
                        ledger = ledger_free(ledger);
                        _exit(EXIT_SUCCESS);
                }
        }
        (void) close(start[0]);
        (void) close(start[1]);
        for (size_t i = 0; i < PROCESSES; i++)
                wait_for(pids[i], 0);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
        cr_expect_eq(ask("SELECT count(*) FROM request"), PROCESSES);
        cr_expect_eq(verify(), 0);
}

/* Until it is killed: three calls a transaction, of which one is still running when that is over. */
static _Noreturn void write_until_killed(int report) {
        open_for_child();
        for (;;) {
                begin(ledger);
                for (int i = 0; i < 3; i++) {
                        LedgerRequest request = a_request();
                        int64_t id = 0;

                        REQUIRE(ledger_add_request(ledger, &request, &id) == 0);
                        REQUIRE(reserve(id, 1, 10) == 0);
                        REQUIRE(i == 0 || settle(id, 1, 7) == 0);
                }
                REQUIRE(ledger_commit(ledger) == 0);
                REQUIRE(write(report, "", 1) == 1);
        }
}

/* Of the transactions that it has told of, before it was killed in the middle of what comes next. */
static int64_t run_and_kill(unsigned after, void (*child)(int report)) {
        int report[2];
        int64_t n = 0;
        pid_t pid;
        char c;

        cr_assert_eq(pipe(report), 0);
        pid = fork();
        cr_assert(pid >= 0);
        if (pid == 0)
                child(report[1]);
        (void) close(report[1]);
        while (n < after && read(report[0], &c, 1) == 1)
                n++;
        cr_assert_eq(kill(pid, SIGKILL), 0);
        wait_for(pid, SIGKILL);
        while (read(report[0], &c, 1) == 1)
                n++;
        (void) close(report[0]);
        cr_assert(n >= after);
        return n;
}

Test(ledger_crowd, a_writer_that_is_killed_leaves_no_half_of_anything) {
        int64_t told = 0, done, n;

        ledger = ledger_free(ledger);
        for (unsigned i = 1; i <= 5; i++)
                told += run_and_kill(i * 3, write_until_killed);

        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
        n = ask("SELECT count(*) FROM request");
        done = n / 3;
        cr_expect_eq(n % 3, 0);
        cr_expect(done >= told && done <= told + 5, "%lld, told of %lld", (long long) done, (long long) told);
        cr_expect_eq(ask("SELECT count(*) FROM attempt WHERE total IS NULL"), done);
        cr_expect_eq(ask("SELECT count(*) FROM reservation"), done);
        cr_expect_eq(usage("total", "", "day", BEGIN).reserved, 10 * done);
        cr_expect_eq(usage("total", "", "day", BEGIN).settled, 14 * done);
        cr_expect_eq(verify(), 0);
}

static _Noreturn void stop_in_the_middle(int report) {
        LedgerRequest request = a_request();
        int64_t id = 0;

        open_for_child();
        begin(ledger);
        REQUIRE(ledger_add_request(ledger, &request, &id) == 0);
        REQUIRE(reserve(id, 1, 10) == 0);
        REQUIRE(write(report, "", 1) == 1);
        for (;;)
                (void) pause();
}

Test(ledger_crowd, a_transaction_that_was_not_committed_is_gone_with_its_writer) {
        ledger = ledger_free(ledger);
        cr_assert_eq(run_and_kill(1, stop_in_the_middle), 1);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
        cr_expect_eq(ask("SELECT count(*) FROM request"), 0);
        cr_expect_eq(ask("SELECT count(*) FROM reservation"), 0);
        cr_expect_eq(ask("SELECT count(*) FROM spent"), 0);
        (void) add_request(0, NULL); /* and nobody has to wait for it */
}

static _Noreturn void reserve_and_stop(int report) {
        LedgerRequest request = a_request();
        int64_t id = 0;

        open_for_child();
        REQUIRE(ledger_add_request(ledger, &request, &id) == 0);
        REQUIRE(reserve(id, 1, 100) == 0);
        REQUIRE(write(report, "", 1) == 1);
        for (;;)
                (void) pause();
}

Test(ledger_crowd, what_a_killed_one_had_reserved_stands_until_it_expires) {
        size_t n = 0;

        set_limit("total", "", "day", 100);
        ledger = ledger_free(ledger);
        (void) run_and_kill(1, reserve_and_stop);
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &ledger), 0);
        cr_expect_eq(reserve(add_request(0, NULL), 1, 1), -EDQUOT);
        cr_assert_eq(ledger_expire(ledger, BEGIN + 10 * MINUTE, &n, NULL), 0);
        cr_expect_eq(n, 1);
        cr_expect_eq(ask("SELECT count(*) FROM attempt WHERE error = 'interrupted' AND cost = 0"), 1);
        cr_expect_eq(reserve(2, 1, 100), 0);
        cr_expect_eq(settle(1, 1, 60), -ENOENT); /* its answer was there, only late */
        cr_expect_eq(settle(1, 1, 60), -EALREADY);
        cr_expect_eq(usage("total", "", "day", BEGIN).settled, 60);
        cr_expect_eq(usage("total", "", "day", BEGIN).reserved, 100);
        cr_expect_eq(verify(), 0);
}

/* Two connections of one process, as while a module is reloaded: the locks of the one outlast the other's coming and going, so no
 * other process takes itself for the last and takes the WAL away. */
Test(ledger_crowd, another_connection_of_the_same_process) {
        Ledger *second = NULL;
        struct stat before, after;
        int status;
        pid_t pid;

        (void) ask("SELECT count(*) FROM request");
        cr_assert_eq(ledger_open(top, LEDGER_WRITE, &second), 0);
        second = ledger_free(second);
        cr_assert_eq(stat("ledger.db-wal", &before), 0);
        pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
                execlp("python3", "python3", "-c", "import sqlite3; d = sqlite3.connect('ledger.db'); "
                       "d.execute('DELETE FROM budget_limit'); d.commit(); d.close()", (char *) NULL);
                _exit(127);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        cr_assert_eq(stat("ledger.db-wal", &after), 0);
        cr_expect_eq(before.st_ino, after.st_ino);
}
