/* SPDX-License-Identifier: MIT */
#include "history-directory.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "basic/file-util.h"

#define FILE_NAME "metrics.db"
#define PAGE 4096

/* What is logged goes to a file. */
static void set_up(void) {
        history_set_up();
        cr_assert(freopen("log", "a", stderr));
}

TestSuite(history_damage, .init = set_up, .fini = history_tear_down);

/* How many lines so far say that. */
static size_t count_lines(const char *what) {
        _cleanup_(freep) char *text = NULL;
        size_t n = 0;

        (void) fflush(stderr);
        cr_assert_eq(read_file("log", 1 << 20, &text, NULL), 0);
        for (const char *at = text; (at = strstr(at, what)); at++)
                n++;
        return n;
}

static HistorySample sample(void) {
        HistorySample s = no_sample("web");

        s.values[SERIES_CPU] = 1;
        return s;
}

static int add(uint64_t at) {
        HistorySample s = sample();

        return history_add_tick(history, at, &s, 1);
}

static uint64_t count(uint64_t from, uint64_t to) {
        _cleanup_(freep) HistoryPoint *points = NULL;
        size_t n;

        cr_assert_eq(history_query(history, &(HistoryQuery) {
                .service = "web", .series = SERIES_CPU, .from = from, .to = to, .step = to - from }, &points, &n), 0);
        return points[0].n;
}

/* An hour that is sealed, one that is not, and one of everything else. */
static void fill(void) {
        cr_assert_eq(history_begin(history), 0);
        for (uint64_t i = 0; i < 1000; i++)
                cr_assert_eq(add(BEGIN + i * 5 * SECOND), 1);
        cr_assert_eq(history_add_event(history, &(TimelineEvent) { .at = BEGIN, .text = "began" }), 0);
        cr_assert_eq(history_put_text(history, "rules", "[1]", true), 0);
        cr_assert_eq(history_put_alert(history, "a1", BEGIN, 0, "{\"a\":1}"), 0);
        cr_assert_eq(history_put_alert(history, "a2", BEGIN, BEGIN + 1, "{\"a\":2}"), 0);
        cr_assert_eq(history_commit(history), 0);
        settle(BEGIN + HOUR);
        cr_assert_eq(figures().ticks, 280);
}

static size_t count_files(const char *begin) {
        struct dirent *entry;
        size_t n = 0;
        DIR *d = opendir(".");

        cr_assert(d);
        while ((entry = readdir(d)))
                n += startswith(entry->d_name, begin) && !endswith(entry->d_name, "-wal") && !endswith(entry->d_name, "-shm");
        (void) closedir(d);
        return n;
}

static void overwrite(off_t offset, const void *data, size_t size) {
        _cleanup_(closep) int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        cr_assert(fd >= 0);
        cr_assert_eq(pwrite(fd, data, size, offset), (ssize_t) size);
}

static void spoil(off_t offset, size_t size) {
        _cleanup_(freep) char *noise = malloc(size);

        for (size_t i = 0; i < size; i++)
                noise[i] = (char) (i * 73 + i / 7 + 1);
        overwrite(offset, noise, size);
}

static off_t root_page(const char *table) {
        _cleanup_(freep) char *sql = str_printf("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
        sqlite3_stmt *s;
        sqlite3 *db;
        off_t page;

        cr_assert_eq(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
        cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        cr_assert_eq(sqlite3_step(s), SQLITE_ROW);
        page = sqlite3_column_int64(s, 0);
        (void) sqlite3_finalize(s);
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
        return (page - 1) * PAGE;
}

static void execute(const char *sql) {
        sqlite3 *db;

        cr_assert_eq(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

/* What is open now is as good as new, and goes on. */
static void expect_new(size_t set_aside) {
        cr_expect_null(history_problem(history), "%s", history_problem(history));
        cr_expect_eq(count_files("metrics.db.damaged-"), set_aside);
        cr_expect_eq(count_lines("damaged: it is now"), set_aside);
        cr_expect_eq(figures().samples, 0);
        cr_expect_eq(add(BEGIN + 5 * HOUR), 1);
        cr_expect_eq(count(BEGIN + 5 * HOUR, BEGIN + 6 * HOUR), 1);
        history_reopen();
        cr_expect_eq(count_files("metrics.db.damaged-"), set_aside);
        cr_expect_eq(count(BEGIN + 5 * HOUR, BEGIN + 6 * HOUR), 1);
}

static int note_alert(const char *id, bool active, const char *json, void *userdata) {
        cr_expect_str_eq(json, active ? "{\"a\":1}" : "{\"a\":2}");
        return 0;
}

static void expect_salvaged(void) {
        char *text = NULL;

        cr_assert_eq(history_get_text(history, "rules", &text), 0);
        cr_expect_str_eq(text, "[1]");
        cr_expect_eq(history_each_alert(history, 9, note_alert, NULL), 2);
        free(text);
}

static void start_again(void) {
        history = history_free(history);
}

Test(history_damage, an_empty_file_is_a_new_one) {
        start_again();
        cr_assert_eq(truncate(FILE_NAME, 0), 0);
        history_reopen();
        expect_new(0);
}

Test(history_damage, no_database) {
        start_again();
        cr_assert_eq(truncate(FILE_NAME, 0), 0);
        overwrite(0, "This is no database, but somebody's shopping list: bread, milk, and a new disk.", 79);
        history_reopen();
        expect_new(1);
}

Test(history_damage, noise) {
        fill();
        start_again();
        spoil(0, 100 * PAGE);
        history_reopen();
        expect_new(1);
}

Test(history_damage, a_database_of_somebody_else) {
        start_again();
        cr_assert_eq(unlink(FILE_NAME), 0);
        execute("CREATE TABLE shopping (item TEXT)");
        history_reopen();
        expect_new(1);
}

Test(history_damage, tables_that_are_missing) {
        start_again();
        execute("DROP TABLE block");
        history_reopen();
        expect_new(1);
}

Test(history_damage, truncated) {
        struct stat st;

        fill();
        start_again();
        cr_assert_eq(stat(FILE_NAME, &st), 0);
        cr_assert_eq(truncate(FILE_NAME, st.st_size / 2), 0);
        history_reopen();
        expect_new(1);
        expect_salvaged(); /* they lie before the cut */
}

Test(history_damage, truncated_to_its_head) {
        fill();
        start_again();
        cr_assert_eq(truncate(FILE_NAME, 100), 0);
        history_reopen();
        expect_new(1);
}

Test(history_damage, garbage_in_a_page) {
        static const char *const tables[] = { "tick", "hour", "block", "event", "service", "error" };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                off_t at;

                fill();
                start_again();
                at = root_page(tables[i]);
                spoil(at, PAGE);
                cr_assert_eq(truncate("log", 0), 0);
                history_reopen();
                cr_expect_eq(count_lines("damaged: it is now"), 1, "%s", tables[i]);
                expect_salvaged();
                start_again();
                cr_assert_eq(unlink(FILE_NAME), 0);
                history_reopen();
        }
}

/* The last leaf of a table of more than one page: where its root page, a node, points at after all others. */
static off_t last_page(const char *table) {
        uint8_t child[4];
        off_t root = root_page(table);
        _cleanup_(closep) int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

        cr_assert(fd >= 0);
        cr_assert_eq(pread(fd, child, 4, root + 8), 4);
        return (((off_t) child[0] << 24 | child[1] << 16 | child[2] << 8 | child[3]) - 1) * PAGE;
}

/* So big that not all of it is looked at when it is opened. */
Test(history_damage, garbage_is_seen_in_use) {
        _cleanup_(freep) char *big = calloc(1, HISTORY_TEXT_MAX);
        HistoryPoint *points = NULL;
        size_t n;
        off_t at;

        memset(big, 'x', HISTORY_TEXT_MAX - 1);
        fill();
        execute("INSERT INTO block WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 100) "
                "SELECT n, 1, 1, 1, 1, zeroblob(200), x'' FROM i");
        cr_assert_eq(history_put_text(history, "big", big, false), 0);
        start_again();
        at = last_page("block");
        spoil(at, PAGE);
        history_reopen();
        cr_assert_eq(count_files("metrics.db.damaged-"), 0);
        cr_expect_eq(history_query(history, &(HistoryQuery) {
                .service = "web", .series = SERIES_CPU, .from = BEGIN, .to = BEGIN + HOUR, .step = HOUR }, &points, &n),
                     -EBADMSG);
        cr_expect_eq(history_seal_step(history, BEGIN + 40 * HOUR), 0, "not before the next tick");
        cr_expect_eq(history_begin(history), 0);
        cr_expect_eq(add(BEGIN + 4 * HOUR), 1);
        cr_expect_eq(history_commit(history), 0);
        cr_expect_null(history_problem(history));
        cr_expect_eq(count_files("metrics.db.damaged-"), 1);
        cr_expect_eq(count_lines("damaged: it is now"), 1);
        expect_salvaged();
        cr_expect_eq(count(BEGIN, BEGIN + 5 * HOUR), 1);
}

/* A callback that writes, when what it is told of turns out to be damaged. */
static int write_on(const TimelineEvent *event, void *userdata) {
        int *written = userdata;

        *written = history_add_event(history, &(TimelineEvent) { .at = event->at - HOUR, .text = "more" });
        return 0;
}

Test(history_damage, a_callback_may_write) {
        int written = 1;

        fill();
        cr_expect_eq(history_each_event(history, &(EventQuery) { .from = BEGIN, .to = UINT64_MAX, .limit = 9 }, write_on,
                                        &written), 1);
        cr_expect_eq(written, 0);
}

/* The database is whole, but what stands in it makes no sense. */
Test(history_damage, blobs_that_are_none) {
        fill();
        start_again();
        execute("UPDATE block SET minutes = x'0102', samples = x'ff'");
        execute("UPDATE tick SET data = x'8080808080' WHERE at % 2 = 0");
        history_reopen();
        cr_expect_eq(count(BEGIN, BEGIN + HOUR), 720, "the hourly figures");
        cr_expect_eq(count(BEGIN, BEGIN + HOUR / 2), 0, "a gap");
        cr_expect_eq(count_lines("cannot be read, so it is left out"), 1);
        cr_expect_eq(count(BEGIN + HOUR, BEGIN + 2 * HOUR), 140);
        settle(BEGIN + 2 * HOUR);
        cr_expect_eq(count(BEGIN + HOUR, BEGIN + 2 * HOUR), 140);
        cr_expect_eq(figures().ticks, 0);
        cr_expect_eq(add(BEGIN + 7 * SECOND), 1, "merged with what cannot be read");
        settle(BEGIN + 2 * HOUR);
        cr_expect_eq(count(BEGIN, BEGIN + HOUR), 1);
        execute("UPDATE hour SET times = x'00', n = 3");
        cr_expect_eq(add(BEGIN + 9 * SECOND), 1);
        settle(BEGIN + 3 * HOUR);
        cr_expect_eq(count(BEGIN, BEGIN + HOUR), 1);
        cr_expect_null(history_problem(history));
}

/* metricsd was killed between the two renames, or somebody has moved the file away. */
Test(history_damage, a_wal_that_belongs_to_another) {
        fill();
        cr_assert_eq(link("metrics.db-wal", "kept"), 0);
        start_again();
        cr_assert_eq(unlink(FILE_NAME), 0);
        cr_assert_eq(rename("kept", "metrics.db-wal"), 0);
        history_reopen();
        expect_new(0);
}

Test(history_damage, only_some_are_kept) {
        for (int i = 0; i < 5; i++) {
                start_again();
                spoil(0, PAGE);
                history_reopen();
        }
        cr_expect_eq(count_lines("damaged: it is now"), 5);
        cr_expect_eq(count_files("metrics.db.damaged-"), 3);
}

Test(history_damage, a_newer_version_is_left_alone) {
        _cleanup_(freep) char *before = NULL, *after = NULL;
        size_t size_before, size_after;
        History *other = NULL;

        fill();
        start_again();
        execute("PRAGMA user_version = 99");
        cr_assert_eq(read_file(FILE_NAME, 1 << 24, &before, &size_before), 0);
        cr_expect_eq(history_open(top, &other), -EPROTONOSUPPORT);
        cr_expect_null(other);
        cr_assert_eq(read_file(FILE_NAME, 1 << 24, &after, &size_after), 0);
        cr_assert_eq(size_before, size_after);
        cr_expect_arr_eq(before, after, size_before);
        cr_expect_eq(count_lines("newer version"), 1);
        cr_expect_eq(count_files("metrics.db.damaged-"), 0);
}

/* What the newer one has not written into the file yet, for it was killed, lies in the log. */
Test(history_damage, the_log_of_a_newer_version_is_left_alone) {
        static const char *const names[] = { FILE_NAME, FILE_NAME "-wal" };
        char *before[2] = {};
        size_t size_before[2] = {};
        History *other = NULL;
        sqlite3 *db = NULL;

        fill();
        start_again();
        cr_assert_eq(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
        cr_assert_eq(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                cr_assert_eq(read_file(names[i], 1 << 24, before + i, size_before + i), 0);
        cr_assert_gt(size_before[1], 0);
        cr_expect_eq(history_open(top, &other), -EPROTONOSUPPORT);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(freep) char *after = NULL;
                size_t size;

                cr_assert_eq(read_file(names[i], 1 << 24, &after, &size), 0, "%s is gone", names[i]);
                cr_assert_eq(size, size_before[i], "%s", names[i]);
                cr_expect_arr_eq(before[i], after, size);
                free(before[i]);
        }
}

/* --- What is wrong with the disk --- */

static void expect_problem(const char *what) {
        cr_assert(history_problem(history));
        cr_expect(strstr(history_problem(history), what), "%s", history_problem(history));
        cr_expect(strstr(history_problem(history), FILE_NAME));
}

Test(history_damage, a_directory_that_may_not_be_written) {
        HistoryPoint *points = NULL;
        char *text = NULL;
        size_t n;

        start_again();
        cr_assert_eq(unlink(FILE_NAME), 0);
        cr_assert_eq(chmod(top, 0500), 0);
        if (geteuid() == 0)
                cr_assert_eq(seteuid(65534), 0); /* root may write anywhere */
        cr_assert_eq(history_open(top, &history), 0);
        expect_problem("Permission denied");
        cr_expect_eq(add(BEGIN), -EACCES);
        cr_expect_eq(history_begin(history), -EACCES);
        cr_expect_eq(history_put_text(history, "a", "b", true), -EACCES);
        cr_expect_eq(history_get_text(history, "a", &text), -EACCES);
        cr_expect_eq(history_seal_step(history, BEGIN), 0);
        cr_expect_eq(history_query(history, &(HistoryQuery) {
                .service = "web", .from = BEGIN, .to = BEGIN + HOUR, .step = HOUR }, &points, &n), -EACCES);
        cr_expect_eq(figures().ticks_lost, 2);
        (void) seteuid(0);
        cr_expect_eq(count_lines("No history is kept"), 1);
        cr_assert_eq(chmod(top, 0777), 0);
        if (geteuid() == 0)
                cr_assert_eq(seteuid(65534), 0);
        cr_expect_eq(add(BEGIN), 1);
        cr_expect_null(history_problem(history));
        (void) seteuid(0);
        cr_expect_eq(count_lines("No history is kept"), 1);
        cr_expect_eq(count_lines("is being kept again"), 1);
        cr_expect_eq(count(BEGIN, BEGIN + HOUR), 1);
}

Test(history_damage, no_directory) {
        History *other;

        cr_assert_eq(history_open("/tmp/there/is/none", &other), 0);
        cr_expect_not_null(history_problem(other));
        cr_expect_eq(history_begin(other), -ENOENT);
        history_free(other);
        cr_expect_eq(count_lines("No history is kept"), 1);
}

/* SQLite asks these instead of the kernel, which has room all the time. */
static bool full;
static sqlite3_syscall_ptr real_pwrite;

static ssize_t pwrite_if_room(int fd, const void *data, size_t size, off_t offset) {
        if (full) {
                errno = ENOSPC;
                return -1;
        }
        return ((ssize_t (*)(int, const void *, size_t, off_t)) real_pwrite)(fd, data, size, offset);
}

static void fill_up(bool is_full) {
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

        if (!real_pwrite) {
                real_pwrite = vfs->xGetSystemCall(vfs, "pwrite64");
                cr_assert(real_pwrite);
        }
        cr_assert_eq(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr) pwrite_if_room), SQLITE_OK);
        full = is_full;
}

Test(history_damage, a_full_disk) {
        fill();
        fill_up(true);
        for (uint64_t i = 0; i < 3; i++) {
                cr_assert_eq(history_begin(history), 0);
                (void) add(BEGIN + 2 * HOUR + i * 5 * SECOND); /* which may or may not notice */
                cr_expect_eq(history_commit(history), -ENOSPC);
                expect_problem("No space left on device");
        }
        cr_expect_eq(history_commit(history), -EINVAL, "it is over");
        cr_expect_eq(history_put_alert(history, "a3", BEGIN, 0, "{}"), -ENOSPC);
        cr_expect_eq(history_add_event(history, &(TimelineEvent) { .at = BEGIN }), -ENOSPC);
        cr_expect_eq(count_lines("No history is kept"), 1);
        cr_expect_eq(figures().ticks_lost, 3);
        cr_expect_eq(count(BEGIN, BEGIN + 3 * HOUR), 1000);
        fill_up(false);
        cr_expect_eq(add(BEGIN + 2 * HOUR + 15 * SECOND), 1);
        cr_expect_null(history_problem(history));
        cr_expect_eq(count_lines("is being kept again"), 1);
        cr_expect_eq(count(BEGIN, BEGIN + 3 * HOUR), 1001);
        expect_salvaged();
        cr_expect_eq(figures().ticks_lost, 3);
}

/* A tick still fits, an hour does not: one line, not one for each of the ticks between. */
Test(history_damage, no_room_for_an_hour) {
        int r;

        fill();
        for (int i = 0; i < 4; i++) {
                fill_up(true);
                while ((r = history_seal_step(history, BEGIN + 2 * HOUR)) > 0)
                        ;
                cr_expect_eq(r, -ENOSPC);
                expect_problem("No space left on device");
                fill_up(false);
                cr_expect_eq(add(BEGIN + 2 * HOUR + (uint64_t) i * 5 * SECOND), 1);
                expect_problem("No space left on device");
        }
        cr_expect_eq(count_lines("No space left on device"), 1);
        settle(BEGIN + 2 * HOUR);
        cr_expect_null(history_problem(history));
        cr_expect_eq(count_lines("is being kept again"), 1);
        cr_expect_eq(count(BEGIN, BEGIN + 3 * HOUR), 1004);
        cr_expect_eq(figures().ticks, 4);
}

/* More than SQLite keeps in memory: it fails before the commit, and the caller rolls back. */
Test(history_damage, a_transaction_that_fails_in_between) {
        _cleanup_(freep) char *big = calloc(1, HISTORY_TEXT_MAX);

        memset(big, 'x', HISTORY_TEXT_MAX - 1);
        fill();
        fill_up(true);
        cr_assert_eq(history_begin(history), 0);
        cr_assert_eq(add(BEGIN + 2 * HOUR), 1);
        cr_expect_eq(history_put_text(history, "big", big, false), -ENOSPC);
        cr_expect_eq(add(BEGIN + 2 * HOUR + 5 * SECOND), -ENOSPC, "nothing more of it is kept");
        history_rollback(history);
        expect_problem("No space left on device");
        cr_expect_eq(figures().ticks_lost, 2);
        fill_up(false);
        cr_expect_eq(add(BEGIN + 2 * HOUR + 5 * SECOND), 1);
        cr_expect_null(history_problem(history));
        cr_expect_eq(count(BEGIN + 2 * HOUR, BEGIN + 3 * HOUR), 1);
}

Test(history_damage, somebody_else_writes) {
        sqlite3 *db;

        cr_assert_eq(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        cr_expect_eq(add(BEGIN), -EBUSY);
        expect_problem("another program");
        cr_assert_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        cr_expect_eq(add(BEGIN), 1);
        cr_expect_null(history_problem(history));
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}
